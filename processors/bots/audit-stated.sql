-- Visitors of whom something else may be held than the recomputation makes of them, and why; see
-- "Bounds" in docs/bots.md for the numbers.
WITH
    visits AS
    (
        SELECT
            if(identities.into_token = '', clicks.visitor_id, identities.into_token) AS visitor,
            toUnixTimestamp64Milli(clicks.occurred_at) AS at_ms,
            clicks.ingested_at AS ingested_at,
            clicks.kind != 'impression' AS is_visit,
            clicks.ip AS address
        FROM weir.clicks AS clicks
        LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = clicks.visitor_id
    ),
    -- Since when the lists, rules and settings of now have judged; far ahead when they have not yet.
    (SELECT if(countIf(version = {version:String}) = 0, toDateTime64('2200-01-01', 3, 'UTC'), minIf(decided_at, version = {version:String}))
     FROM weir.bot_verdicts) AS judging_since,
    (SELECT countIf(version != {version:String}) > 0 FROM weir.bot_verdicts) AS has_changed,
    toStartOfDay((SELECT min(occurred_at) FROM weir.clicks)) AS first_day
SELECT visitor AS visitor_token, min(cause) AS why
FROM
(
    SELECT visitor, 'judged_by_other_settings' AS cause
    FROM visits
    WHERE has_changed AND ingested_at < judging_since
    UNION ALL
    SELECT visitor, 'address_beyond_bounds'
    FROM visits
    WHERE is_visit AND address IN
    (
        SELECT address
        FROM visits
        WHERE is_visit AND address IS NOT NULL
        GROUP BY address
        HAVING uniqExact(intDiv(at_ms, 600000)) > 288
    )
    UNION ALL
    SELECT visitor, 'visitor_beyond_bounds'
    FROM visits
    WHERE is_visit
    GROUP BY visitor
    HAVING arrayCount(pause -> pause > toInt64({gap_ms:UInt64}), arrayDifference(arraySort(groupArray(at_ms)))) >= 24
    UNION ALL
    SELECT visitor_id, 'visitor_beyond_bounds'
    FROM weir.visitor_orders
    WHERE status = 'delivered'
    GROUP BY visitor_id
    HAVING count() > 8
    UNION ALL
    -- Who holds as many stretches of days as are kept may have had more.
    SELECT visitor_token, 'visitor_beyond_bounds'
    FROM weir.bot_standings
    WHERE tier > 0
    GROUP BY visitor_token
    HAVING count() >= 8
    UNION ALL
    -- Of what an address has shown of somebody, 16 times ten minutes are kept.
    SELECT visitor, 'visitor_beyond_bounds'
    FROM visits
    WHERE is_visit AND address IS NOT NULL
        AND visitor IN (SELECT visitor_token FROM weir.bot_standings WHERE reason = 'address')
    GROUP BY visitor
    HAVING uniqExact(intDiv(at_ms, 600000)) > 16
    UNION ALL
    SELECT visitor_token, 'clicks_past_retention'
    FROM weir.bot_standings
    WHERE if(tier = 0, from_at, from_at + toIntervalMillisecond({reach_ms:UInt64})) < first_day
)
GROUP BY visitor
