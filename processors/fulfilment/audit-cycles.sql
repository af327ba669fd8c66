-- Recomputes weir.fulfilment_cycles_1h; goes on from audit-beginning.sql.
SELECT
    fromUnixTimestamp64Milli(intDiv(delivery.1, 3600000) * 3600000, 'UTC') AS window_start,
    promise.3 AS zone,
    promise.4 AS node_id,
    if(delivery.1 - promise.1 <= 1, 0, toInt64(ceil(log(delivery.1 - promise.1) / log(1.01 / 0.99)))) AS bin,
    count() AS cycles
FROM orders
WHERE is_delivered AND window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, zone, node_id, bin
