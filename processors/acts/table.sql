CREATE TABLE IF NOT EXISTS weir.acts_log
(
    appended_at DateTime64(3, 'UTC') COMMENT 'When the log took it, UTC',
    actor String COMMENT 'Who did it: the id of the key, and the name that the request gave',
    action LowCardinality(String) COMMENT 'verdict_cleared, verdict_confirmed or alert_acknowledged',
    subject String COMMENT 'Token of the visitor, or id of the alert',
    topic LowCardinality(String) COMMENT 'Topic of the record',
    `partition` UInt16 COMMENT 'Partition of the record',
    `offset` UInt64 COMMENT 'Offset of the record',
    `index` UInt16 COMMENT 'Position within the record'
)
ENGINE = ReplacingMergeTree
ORDER BY (appended_at, topic, `partition`, `offset`, `index`)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What people did through the api. Query audit_log';

CREATE OR REPLACE VIEW weir.audit_log
(
    recorded_at DateTime64(3, 'UTC') COMMENT 'When Weir took it, UTC',
    actor String COMMENT 'Who did it: the id of the key and the name that was given; of reference events their source; of lift tests the configuration',
    action LowCardinality(String) COMMENT 'What was done, see docs/operations.md',
    subject String COMMENT 'What it was about: token of a visitor, id of an alert or a lift test, subject of a reference event',
    `before` Nullable(String) COMMENT 'What was there before; NULL when nothing was, or when that is not known',
    `after` Nullable(String) COMMENT 'What is there since; NULL when that is not known'
)
AS SELECT
    acts.appended_at AS recorded_at,
    acts.actor AS actor,
    acts.action AS action,
    acts.subject AS subject,
    -- Of a visitor under another id the verdict was decided elsewhere.
    multiIf(acts.action = 'alert_acknowledged', 'open', verdicts.from_state = '', NULL, toString(verdicts.from_state)) AS `before`,
    multiIf(acts.action = 'alert_acknowledged', 'acknowledged', verdicts.to_state = '', NULL, toString(verdicts.to_state)) AS `after`
FROM (SELECT * FROM weir.acts_log FINAL) AS acts
LEFT JOIN (SELECT * FROM weir.bot_verdicts_log FINAL WHERE actor IS NOT NULL) AS verdicts
    ON verdicts.topic = acts.topic AND verdicts.`partition` = acts.`partition` AND verdicts.`offset` = acts.`offset`
UNION ALL
SELECT
    ingested_at,
    toString(source),
    concat('reference_', kind),
    subject,
    any(said) OVER (PARTITION BY kind, subject ORDER BY occurred_at, event_id ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING),
    said
FROM
(
    SELECT
        ingested_at,
        occurred_at,
        event_id,
        source,
        kind,
        subject,
        multiIf(
            kind = 'rule', rule,
            kind = 'target', toJSONString(map('metric', toString(metric), 'channel', toString(channel), 'value', toString(`value`),
                'from', toString(`from`), 'to', toString(`to`))),
            kind = 'identity', `into`,
            visitor_id) AS said
    FROM weir.reference
    WHERE kind IN ('rule', 'target', 'identity', 'erasure')
)
UNION ALL
SELECT
    recorded_at,
    'configuration',
    concat('lift_test_', change),
    test,
    any(said) OVER (PARTITION BY test ORDER BY recorded_at ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING),
    said
FROM
(
    SELECT
        recorded_at,
        change,
        test,
        toNullable(toJSONString(map('channel', toString(channel), 'holdout_share', toString(holdout_share),
            'start', toString(start), 'stop', toString(stop), 'outcome', toString(outcome)))) AS said
    FROM weir.lift_tests_log FINAL
)
COMMENT 'What people have done, and who: nothing is ever changed or removed here';
