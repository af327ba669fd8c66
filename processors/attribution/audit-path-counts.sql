-- Steps and sets of the paths of the UTC days that begin in [from, to): a path is of the day in which it
-- ended, without a conversion of that in which its look-back does.
,
    ends AS
    (
        SELECT
            channels AS touched,
            last.2 = 1 AS is_won,
            if(is_won, last.1, last.1 + {lookback_ms:Int64}) AS end_ms,
            if(is_won, last.4, '') AS paid_in,
            if(is_won, last.5, 0) AS worth,
            if(end_ms > (SELECT max(toUnixTimestamp64Milli(watermark)) FROM weir.progress) AND NOT is_won, 'provisional', 'matured') AS stands
        FROM ended
        WHERE length(channels) > 0
    ),
    -- Every place in the path with the one before it, the end as the last place.
    counted AS
    (
        SELECT
            end_ms, paid_in, stands, is_won, 'transition' AS what,
            arrayJoin(arrayEnumerate(arrayConcat(touched, ['']))) AS place,
            if(place = 1, '(start)', touched[place - 1]) AS before,
            multiIf(place <= length(touched), touched[place], is_won, '(conversion)', '(null)') AS after,
            CAST([], 'Array(String)') AS members,
            if(place > length(touched), worth, 0) AS amount
        FROM ends
        UNION ALL
        SELECT end_ms, paid_in, stands, is_won, 'set', 0, '', '', arraySort(arrayIntersect(touched, touched)), worth
        FROM ends
    )
SELECT
    toDateTime64(fromUnixTimestamp64Milli(intDiv(end_ms, 86400000) * 86400000, 'UTC'), 3, 'UTC') AS window_start,
    what AS kind,
    before AS from_channel,
    after AS to_channel,
    members AS channels,
    paid_in AS currency,
    stands AS state,
    toUInt64(count()) AS paths,
    toUInt64(sum(is_won)) AS conversions,
    toInt64(sum(amount)) AS value_minor
FROM counted
WHERE intDiv(end_ms, 86400000) * 86400000 >= {from_ms:Int64} AND intDiv(end_ms, 86400000) * 86400000 < {to_ms:Int64}
GROUP BY window_start, kind, from_channel, to_channel, channels, currency, state
