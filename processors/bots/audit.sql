-- Recomputes weir.bot_standings from the raw clicks and deliveries. It follows docs/bots.md and shares
-- nothing with the operators. Taken as given: what a list says of one form of a user agent and of one
-- network, which ids are one visitor, and, for visitors about whom a person has decided, what is held of
-- them. audit-stated.sql says who may differ.
WITH
    listed_agents AS
    (
        SELECT pair.1 AS form, pair.2 AS listed
        FROM (SELECT arrayJoin(arrayZip({agent_forms:Array(String)}, {agent_reasons:Array(String)})) AS pair)
    ),
    owned_networks AS
    (
        SELECT pair.1 AS owned, pair.2 AS owner
        FROM (SELECT arrayJoin(arrayZip({networks:Array(String)}, {network_owners:Array(String)})) AS pair)
    ),
    clients AS
    (
        -- Every client once: what rules say of it does not depend on the click.
        SELECT
            agent,
            network,
            source,
            listed_agents.listed AS listed,
            owned_networks.owner AS owner,
            arrayMap(rules -> arrayExists(rule -> rule.1 = 'agent' AND agent IS NOT NULL AND match(assumeNotNull(agent), concat('(?i)', rule.2))
                OR rule.1 = 'network' AND network IS NOT NULL AND isIPAddressInRange(splitByChar('/', assumeNotNull(network))[1], rule.2)
                OR rule.1 = 'source' AND source = rule.2, rules), [allow_rules, deny_rules]) AS named,
            named[1] AS is_allowed,
            named[2] AS is_denied
        FROM (SELECT DISTINCT agent, network, toString(source) AS source FROM weir.clicks) AS seen
        LEFT JOIN listed_agents ON listed_agents.form = seen.agent
        LEFT JOIN owned_networks ON owned_networks.owned = seen.network
    ),
    rule -> (extract(rule, '^\\s*(\\w+)'), extract(rule, '^\\s*\\w+\\s+(.*\\S)')) AS parsed,
    arrayMap(parsed, {allow:Array(String)}) AS allow_rules,
    arrayMap(parsed, {deny:Array(String)}) AS deny_rules,
    judged_clicks AS
    (
        SELECT
            if(identities.into_token = '', clicks.visitor_id, identities.into_token) AS visitor,
            clicks.visitor_id AS sent_id,
            toUnixTimestamp64Milli(clicks.occurred_at) AS at_ms,
            clicks.kind AS kind,
            clicks.ip AS ip,
            clicks.referrer IS NOT NULL AS has_referrer,
            ifNull(clicks.signed_in, 0) AS is_signed_in,
            ifNull(clicks.pointer, 0) AS has_pointer,
            ifNull(clicks.server_side, 0) OR has({app_sources:Array(String)}, toString(clicks.source)) AS is_app,
            has({log_sources:Array(String)}, toString(clicks.source)) AS is_log,
            extract(ifNull(clicks.url, ''), '^[^?#]*') AS path,
            lower(extract(path, '\\.([^./]*)$')) IN
                ('avif', 'bmp', 'css', 'eot', 'gif', 'ico', 'jpeg', 'jpg', 'js', 'map', 'mjs', 'mp3', 'mp4', 'otf', 'png', 'svg',
                 'swf', 'ttf', 'wasm', 'webm', 'webp', 'woff', 'woff2', 'xsl') AS is_file,
            clicks.kind = 'beacon' AND NOT is_log AS is_script,
            clients.owner = 'data centre' AS is_data_centre,
            multiIf(
                clients.is_allowed, 'allow',
                clients.is_denied, 'deny_rule',
                is_app, '',
                clients.owner NOT IN ('', 'data centre') AND position(lower(ifNull(clicks.agent, '')), clients.owner) > 0, 'verified_crawler',
                clients.listed IN ('agent_isbot', 'agent_crawlers'), clients.listed,
                is_data_centre AND NOT is_signed_in, 'data_centre',
                clients.listed) AS listed,
            if(listed = '' AND ifNull(clicks.prefetch, 0), 'prefetch', listed) AS verdict
        FROM weir.clicks AS clicks
        INNER JOIN clients ON clients.agent IS NOT DISTINCT FROM clicks.agent
            AND clients.network IS NOT DISTINCT FROM clicks.network AND clients.source = toString(clicks.source)
        LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = clicks.visitor_id
        WHERE {is_filtering:Bool}
    ),
    numbered_clicks AS
    (
        SELECT
            *,
            sum(is_first) OVER (PARTITION BY visitor ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM
        (
            SELECT
                *,
                at_ms - lagInFrame(at_ms, 1, toInt64(0)) OVER (
                    PARTITION BY visitor ORDER BY at_ms ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                    > toInt64({gap_ms:UInt64}) AS is_first
            FROM judged_clicks
            WHERE kind != 'impression'
        )
    ),
    deliveries AS
    (
        SELECT visitor_id AS visitor, groupArray(toUnixTimestamp64Milli(occurred_at)) AS delivered
        FROM weir.visitor_orders
        WHERE status = 'delivered'
        GROUP BY visitor
    ),
    sessions AS
    (
        SELECT
            visitor,
            number,
            min(at_ms) AS start_ms,
            max(at_ms) AS end_ms,
            arraySort(groupArrayIf(at_ms, NOT is_script AND NOT is_file)) AS requests,
            max(is_script OR is_app) AS has_beacon,
            max(verdict = 'allow') AS is_allowed,
            max(is_signed_in) AS is_signed_in,
            max(has_pointer) AS has_pointer,
            max(is_data_centre) AS is_data_centre,
            max(endsWith(path, '/robots.txt')) AS has_robots,
            max(is_file OR is_app) AS has_assets,
            max(is_log AND NOT is_app) AS is_script_unknown,
            max(has_referrer) AS has_referrer
        FROM numbered_clicks
        GROUP BY visitor, number
    ),
    scored_sessions AS
    (
        SELECT
            sessions.*,
            arrayPopFront(arrayDifference(arraySlice(requests, 1, 12))) AS gaps,
            if(length(gaps) >= 8 AND arraySum(gaps) > 0,
                sqrt(arrayAvg(gap -> pow(gap - arrayAvg(gaps), 2), gaps)) / arrayAvg(gaps), 1) AS variation,
            arrayMap(at_ms -> intDiv(at_ms, 30000), requests) AS all_half_minutes,
            -- Of the requests beyond the first twelve, those of 32 half minutes count.
            arraySort(arrayDistinct(arraySlice(all_half_minutes, 13)))[32] AS last_half_minute,
            arrayFilter(half_minute -> last_half_minute = 0 OR half_minute <= last_half_minute, all_half_minutes) AS half_minutes,
            arrayFilter(feature -> feature.2,
                [('base', true),
                 ('data_centre', is_data_centre),
                 ('no_beacon', NOT has_beacon AND NOT is_script_unknown),
                 ('no_assets', NOT has_assets),
                 ('robots', has_robots),
                 ('signed_in', is_signed_in),
                 ('pointer', has_pointer),
                 ('delivered', arrayExists(at_ms -> at_ms < start_ms AND at_ms >= start_ms - toInt64({held_ms:UInt64}), deliveries.delivered)),
                 ('one_hit', length(requests) = 1 AND NOT has_referrer),
                 ('regular', variation < 0.1),
                 ('metronome', length(gaps) >= 10 AND variation < 0.05),
                 -- 61 requests of which the last is at most in the half minute after that of the first.
                 ('fast', arrayExists((half_minute, at) -> at + 60 <= length(half_minutes) AND half_minutes[at + 60] - half_minute <= 1,
                     half_minutes, arrayEnumerate(half_minutes)))]) AS features,
            arraySum(feature -> toFloat64({weights:Array(String)}[indexOf({weight_names:Array(String)}, feature.1)]), features) AS z,
            if(is_allowed, 0, floor(100 / (1 + exp(-z)) + 0.5)) AS score
        FROM sessions
        LEFT JOIN deliveries ON deliveries.visitor = sessions.visitor
    ),
    crowds AS
    (
        -- One row per address: its ten minutes with the visitors of each, and how many there were.
        SELECT
            groupUniqArray((intDiv(at_ms, 600000), sent_id, visitor)) AS visits,
            arrayMap(visit -> visit.1, visits) AS panes,
            -- Those that begin half an hour with so many visitors.
            arrayFilter(first -> arrayCount(pane -> pane >= first AND pane < first + 3, panes) >= {address_visitors:UInt64},
                arrayDistinct(arrayFlatten(arrayMap(pane -> [pane - 2, pane - 1, pane], panes)))) AS crowded
        FROM judged_clicks
        WHERE kind != 'impression' AND verdict = '' AND NOT is_app AND ip IS NOT NULL
        GROUP BY ip
        HAVING length(crowded) > 0
    ),
    marked_visits AS
    (
        SELECT
            marks.visitor AS visitor,
            marks.about_ms AS about_ms,
            argMin(length(requests) > 2 OR has_beacon OR has_pointer OR is_signed_in OR is_allowed, start_ms) AS is_vouched_for
        FROM
        (
            SELECT DISTINCT mark.3 AS visitor, mark.1 * 600000 AS about_ms
            FROM crowds
            ARRAY JOIN arrayFilter(visit -> arrayExists(first -> visit.1 >= first AND visit.1 < first + 3, crowded), visits) AS mark
        ) AS marks
        INNER JOIN sessions ON sessions.visitor = marks.visitor
        WHERE sessions.start_ms < marks.about_ms + 600000 AND sessions.end_ms >= marks.about_ms
        GROUP BY visitor, about_ms
    ),
    -- By rank; the last is no reason to withdraw.
    ['deny_rule', 'verified_crawler', 'agent_isbot', 'agent_crawlers', 'data_centre', 'not_a_browser', 'prefetch',
     'person', 'address', 'behaviour', 'suspicion'] AS reasons,
    evidence AS
    (
        SELECT visitor, at_ms AS from_ms, at_ms AS to_ms, verdict AS reason FROM judged_clicks WHERE verdict NOT IN ('', 'allow')
        UNION ALL
        SELECT visitor, start_ms, end_ms, if(score >= {bot_score:UInt64}, 'behaviour', 'suspicion')
        FROM scored_sessions
        WHERE score >= least({bot_score:UInt64}, {suspect_score:UInt64})
        UNION ALL
        SELECT visitor, about_ms, about_ms, 'address' FROM marked_visits WHERE NOT is_vouched_for
    ),
    stretches AS
    (
        SELECT DISTINCT
            visitor,
            reason = 'suspicion' AS is_suspicion,
            if(is_suspicion, intDiv(from_ms, 60000) * 60000, intDiv(from_ms, 86400000) * 86400000 - toInt64({reach_ms:UInt64})) AS start_ms,
            if(is_suspicion, intDiv(to_ms, 60000) * 60000 + 60000,
                intDiv(to_ms, 86400000) * 86400000 + 86400000 + toInt64({held_ms:UInt64})) AS end_ms,
            indexOf(reasons, reason) AS place
        FROM evidence
    ),
    numbered_stretches AS
    (
        SELECT
            *,
            sum(is_first) OVER (
                PARTITION BY visitor, is_suspicion ORDER BY start_ms, end_ms
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
        FROM
        (
            SELECT
                *,
                is_suspicion OR start_ms > max(end_ms) OVER (
                    PARTITION BY visitor, is_suspicion ORDER BY start_ms, end_ms
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_first
            FROM stretches
        )
    ),
    held_stretches AS
    (
        SELECT
            visitor,
            is_suspicion,
            min(start_ms) AS from_ms,
            max(end_ms) AS until_ms,
            min(place) AS place,
            groupArrayIf((from_ms, until_ms), NOT is_suspicion) OVER (PARTITION BY visitor) AS held
        FROM numbered_stretches
        GROUP BY visitor, is_suspicion, number
    ),
    decided_visitors AS
    (
        SELECT if(identities.into_token = '', verdicts.visitor_token, identities.into_token) AS visitor
        FROM weir.bot_verdicts AS verdicts
        LEFT JOIN weir.visitor_identities AS identities ON identities.visitor_token = verdicts.visitor_token
        WHERE actor IS NOT NULL
    )
SELECT
    visitor AS visitor_token,
    fromUnixTimestamp64Milli(from_ms, 'UTC') AS from_at,
    fromUnixTimestamp64Milli(until_ms, 'UTC') AS until_at,
    toInt64(multiIf(is_suspicion, 0, place <= 7, 1, 2)) AS tier,
    if(is_suspicion, 'behaviour', reasons[place]) AS reason
FROM held_stretches
WHERE visitor NOT IN (SELECT visitor FROM decided_visitors)
    AND NOT (is_suspicion AND arrayExists(span -> until_ms > span.1 AND from_ms < span.2, held))
UNION ALL
SELECT visitor_token, from_at, until_at, tier, toString(reason)
FROM weir.bot_standings
WHERE visitor_token IN (SELECT visitor FROM decided_visitors)
