-- Recomputes weir.bot_clicks_1m from the raw clicks, for minutes in [from, to), which are whole minutes.
-- It follows docs/bots.md and shares nothing with the operator. What is held of visitors is taken from
-- weir.bot_standings as it is. A visitor beyond the operator's bounds may differ.
SELECT
    CAST(toStartOfMinute(clicks.occurred_at) AS DateTime64(3, 'UTC')) AS window_start,
    clicks.channel AS channel,
    standings.reason AS reason,
    toInt64(countIf(standings.tier = 0)) AS clicks_suspect,
    toInt64(countIf(standings.tier = 1)) AS clicks_givt,
    toInt64(countIf(standings.tier = 2)) AS clicks_sivt
FROM weir.visitor_clicks AS clicks
INNER JOIN weir.bot_standings AS standings ON standings.visitor_token = clicks.visitor_id
WHERE clicks.kind NOT IN ('impression', 'beacon')
    AND clicks.occurred_at >= {from:DateTime64(3, 'UTC')}
    AND clicks.occurred_at < {to:DateTime64(3, 'UTC')}
    AND clicks.occurred_at >= standings.from_at
    AND clicks.occurred_at < standings.until_at
GROUP BY window_start, channel, reason
