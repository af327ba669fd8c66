-- Nodes of which something came later than what is kept of their past; see "How it works" in docs/stock.md.
SELECT sku, node_id, 'history_beyond_bounds' AS why FROM weir.stock_current WHERE NOT exact
