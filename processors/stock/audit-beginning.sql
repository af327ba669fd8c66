-- What happened to the units of every SKU × node, from the raw events alone: what the audits of stock_current and of
-- stockouts begin with. It follows docs/stock.md and shares nothing with the operators. A visitor, an order or a SKU
-- beyond the operators' bounds may differ.
WITH
    order_events AS
    (
        SELECT
            visitor_id,
            order_id,
            event_id,
            status,
            toUnixTimestamp64Milli(occurred_at) AS at_ms,
            toString(ifNull(node_id, '')) AS node_id
        FROM weir.visitor_orders
        WHERE status IN ('placed', 'returned', 'cancelled')
    ),
    paused_orders AS
    (
        SELECT
            *,
            at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > toInt64({returns_kept_ms:UInt64}) AS is_new
        FROM order_events
    ),
    numbered_orders AS
    (
        -- After a pause longer than returns are kept an order id is another order.
        SELECT
            *,
            sum(is_new) OVER (
                PARTITION BY visitor_id, order_id ORDER BY at_ms, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM paused_orders
    ),
    whole_orders AS
    (
        SELECT
            *,
            argMinIf(event_id, (at_ms, event_id), status = 'placed') OVER whole AS placed_id,
            argMinIf(node_id, (at_ms, event_id), status = 'placed') OVER whole AS order_node_id,
            countIf(status = 'placed') OVER whole > 0 AS is_placed,
            minIf((at_ms, event_id), status = 'cancelled') OVER whole AS cancelled_at,
            countIf(status = 'cancelled') OVER whole > 0 AS is_cancelled,
            NOT is_cancelled OR (at_ms, event_id) < cancelled_at AS is_before_cancellation
        FROM numbered_orders
        WINDOW whole AS (PARTITION BY visitor_id, order_id, number)
    ),
    order_units AS
    (
        SELECT
            events.*,
            lines.sku AS sku,
            lines.units AS units,
            is_placed AND event_id = placed_id AS is_order,
            countIf(is_order) OVER same > 0 AS is_ordered,
            sumIf(units, status = 'returned' AND is_before_cancellation) OVER same AS returned_units
        FROM whole_orders AS events
        INNER JOIN
        (
            SELECT event_id, sku, sum(quantity) AS units
            FROM weir.order_lines
            GROUP BY event_id, sku
        ) AS lines USING (event_id)
        WINDOW same AS (PARTITION BY visitor_id, order_id, number, sku)
    ),
    order_changes AS
    (
        -- Each a node, an instant, units, and units that somebody wanted.
        SELECT
            sku,
            arrayJoin(multiIf(
                is_order AND is_cancelled,
                [
                    (order_node_id, at_ms, -units, units),
                    (order_node_id, greatest(tupleElement(cancelled_at, 1), at_ms), greatest(units - returned_units, 0), 0)
                ],
                is_order,
                [(order_node_id, at_ms, -units, units)],
                status = 'returned' AND (is_before_cancellation OR NOT is_ordered),
                [(if(node_id = '' AND is_placed, order_node_id, node_id), at_ms, units, 0)],
                [])) AS change
        FROM order_units
    ),
    changes AS
    (
        SELECT sku, change.1 AS node, change.2 AS at_ms, change.3 AS units, change.4 AS demand
        FROM order_changes
        UNION ALL
        SELECT sku, toString(ifNull(node_id, '')), toUnixTimestamp64Milli(occurred_at), assumeNotNull(quantity), 0
        FROM weir.inventory
        WHERE kind = 'movement' AND quantity IS NOT NULL
    ),
    moments AS
    (
        -- Units that were taken and given back at one instant are as if they had not been, unless they were wanted.
        SELECT sku, if(node = '', 'default', node) AS node_id, at_ms, sum(changes.units) AS units, sum(changes.demand) AS demand
        FROM changes
        GROUP BY sku, node_id, at_ms
        HAVING units != 0 OR demand != 0
    ),
    counts AS
    (
        SELECT
            sku,
            ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
            argMax(
                (
                    toUnixTimestamp64Milli(occurred_at),
                    assumeNotNull(on_hand),
                    ifNull(reserved, 0),
                    ifNull(safety, 0)
                ),
                (occurred_at, event_id)) AS newest
        FROM weir.inventory AS inventory
        WHERE kind = 'count' AND on_hand IS NOT NULL
        GROUP BY sku, node_id
    ),
    levels AS
    (
        SELECT
            entries.sku AS sku,
            entries.node_id AS node_id,
            counts.sku != '' AS is_counted,
            counts.newest.2 + sumIf(entries.units, entries.at_ms > counts.newest.1) AS on_hand,
            counts.newest.3 AS reserved,
            counts.newest.4 AS safety
        FROM
        (
            SELECT sku, node_id, at_ms, units FROM moments
            UNION ALL
            SELECT sku, node_id, newest.1, 0 FROM counts
            UNION ALL
            SELECT
                sku,
                ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
                toUnixTimestamp64Milli(occurred_at),
                0
            FROM weir.inventory AS inventory
            WHERE kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL
        ) AS entries
        LEFT JOIN counts ON counts.sku = entries.sku AND counts.node_id = entries.node_id
        GROUP BY sku, node_id, counts.sku, counts.newest
    ),
    sequences AS
    (
        -- Numbers up to the newest one that the newest count covers no longer matter.
        SELECT
            numbered.sku AS sku,
            numbered.node_id AS node_id,
            numbered.source AS source,
            groupUniqArray(numbered.number) AS numbers,
            if(
                countIf(numbered.at_ms <= counts.newest.1) > 0,
                maxIf(numbered.number, numbered.at_ms <= counts.newest.1),
                min(numbered.number)) AS covered,
            max(numbered.number) - covered != arrayCount(seen -> seen > covered, numbers) AS has_gap
        FROM
        (
            SELECT
                sku,
                ifNull(nullIf(toString(ifNull(node_id, '')), ''), 'default') AS node_id,
                source,
                assumeNotNull(seq) AS number,
                toUnixTimestamp64Milli(occurred_at) AS at_ms
            FROM weir.inventory
            WHERE seq IS NOT NULL AND {sequence_gaps:Bool}
        ) AS numbered
        INNER JOIN counts ON counts.sku = numbered.sku AND counts.node_id = numbered.node_id
        GROUP BY sku, node_id, source
    ),
    instants AS
    (
        -- Everything that happened to units, by node and instant; a count holds instead of the changes of its instant.
        SELECT
            sku,
            node_id,
            at_ms,
            max(is_count) AS has_count,
            maxIf(base, is_count) AS counted,
            sum(units) AS units,
            sum(demand) AS demand
        FROM
        (
            SELECT sku, node_id, at_ms, 0 AS is_count, 0 AS base, units, demand FROM moments
            UNION ALL
            SELECT
                sku,
                ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
                toUnixTimestamp64Milli(occurred_at) AS at_ms,
                1,
                argMax(assumeNotNull(on_hand) - ifNull(reserved, 0) - ifNull(safety, 0), event_id),
                0,
                0
            FROM weir.inventory AS inventory
            WHERE kind = 'count' AND on_hand IS NOT NULL
            GROUP BY sku, node_id, at_ms
            UNION ALL
            SELECT DISTINCT
                sku,
                ifNull(nullIf(toString(ifNull(inventory.node_id, '')), ''), 'default') AS node_id,
                toUnixTimestamp64Milli(occurred_at) AS at_ms,
                0, 0, 0, 0
            FROM weir.inventory AS inventory
            WHERE kind = 'inbound' AND quantity IS NOT NULL AND due_at IS NOT NULL
        )
        GROUP BY sku, node_id, at_ms
    ),
    numbered_instants AS
    (
        SELECT
            *,
            sum(has_count) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS count_number,
            leadInFrame(at_ms, 1, at_ms) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS until_ms,
            max(at_ms) OVER (PARTITION BY sku, node_id) AS end_ms
        FROM instants
    ),
    counted_instants AS
    (
        SELECT
            *,
            first_value(counted) OVER count_span
                + sum(if(has_count = 1, 0, units)) OVER (PARTITION BY sku, node_id, count_number ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS available,
            count_number > 0 AND available > 0 AS in_stock
        FROM numbered_instants
        WINDOW count_span AS (PARTITION BY sku, node_id, count_number ORDER BY at_ms)
    ),
    sold_instants AS
    (
        SELECT
            *,
            lagInFrame(in_stock, 1, 0) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS was_in_stock,
            lagInFrame(count_number, 1, 0) OVER (PARTITION BY sku, node_id ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 0 AS was_counted,
            minIf(at_ms, count_number > 0) OVER (PARTITION BY sku, node_id) AS first_ms
        FROM counted_instants
    )
