-- Recomputes weir.fulfilment_1h; goes on from audit-beginning.sql.
    ,
    counts AS
    (
        -- Each an instant and the columns that it adds one to.
        SELECT
            promise.3 AS zone,
            promise.4 AS node_id,
            delivery.1 - promise.1 AS cycle_ms,
            arrayJoin(arrayConcat(
                [
                    (
                        promise.1,
                        arrayConcat(
                            ['placed'],
                            if(is_delivered AND cycle_ms <= 24 * 3600000, ['on_time_24h'], []),
                            if(is_delivered AND cycle_ms <= 48 * 3600000, ['on_time_48h'], []),
                            if(is_delivered AND cycle_ms <= 72 * 3600000, ['on_time_72h'], []))
                    )
                ],
                if(
                    promise.2 IS NULL,
                    [],
                    [
                        (
                            assumeNotNull(promise.2),
                            arrayConcat(
                                ['due'],
                                if(is_delivered, [if(delivery.1 <= assumeNotNull(promise.2), 'on_time', 'delivered_late')], []))
                        )
                    ]),
                if(is_delivered, [(delivery.1, ['cycles'])], []))) AS entry
        FROM orders
    )
SELECT
    fromUnixTimestamp64Milli(intDiv(entry.1, 3600000) * 3600000, 'UTC') AS window_start,
    zone,
    node_id,
    countIf(has(entry.2, 'due')) AS due,
    countIf(has(entry.2, 'on_time')) AS on_time,
    countIf(has(entry.2, 'delivered_late')) AS delivered_late,
    countIf(has(entry.2, 'placed')) AS placed,
    countIf(has(entry.2, 'on_time_24h')) AS on_time_24h,
    countIf(has(entry.2, 'on_time_48h')) AS on_time_48h,
    countIf(has(entry.2, 'on_time_72h')) AS on_time_72h,
    countIf(has(entry.2, 'cycles')) AS cycles
FROM counts
WHERE window_start >= {from:DateTime64(3, 'UTC')} AND window_start < {to:DateTime64(3, 'UTC')}
GROUP BY window_start, zone, node_id
