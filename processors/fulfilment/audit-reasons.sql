-- Recomputes weir.fulfilment_reasons_1h; goes on from audit-beginning.sql.
    ,
    counted AS
    (
        -- Of one order the first placed event and the first cancellation, and every return.
        SELECT
            *,
            row_number() OVER (PARTITION BY visitor_id, order_id, number, status ORDER BY at, event_id) AS nth
        FROM numbered
        WHERE status IN ('placed', 'cancelled', 'returned')
    )
SELECT
    fromUnixTimestamp64Milli(intDiv(at, 3600000) * 3600000, 'UTC') AS window_start,
    way AS fulfilment,
    toString(counted.status) AS status,
    if(status = 'placed', '', why) AS reason,
    count() AS orders
FROM counted
WHERE (nth = 1 OR counted.status = 'returned')
    AND window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, fulfilment, status, reason
