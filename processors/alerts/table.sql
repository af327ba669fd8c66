CREATE TABLE IF NOT EXISTS weir.alerts_rows
(
    alert_id String COMMENT 'Names the alert in the API: kind, what it is about, when it opened',
    kind LowCardinality(String) COMMENT 'What kind of incident, such as stockout; docs/alerts.md lists them',
    severity LowCardinality(String) COMMENT 'critical, warning or info; follows from the kind',
    state LowCardinality(String) COMMENT 'open, acknowledged, resolved; withdrawn rows are hidden by the view',
    subject String COMMENT 'What it is about, in words',
    entity_key String COMMENT 'Key of the state that the incident follows from, such as the SKU; acknowledgements go there',
    sku String COMMENT 'Stock keeping unit it is about; empty when it is about none',
    node_id String COMMENT 'Node it is about; empty when it is about none',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time at which it began',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person took it over',
    acknowledged_by Nullable(String) COMMENT 'Who took it over',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which it ended; null while it goes on',
    cost_minor Nullable(Int64) COMMENT 'Estimate of what it has cost so far, or will cost, minor units of currency; null when not known',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 currency of cost_minor; null beside a null cost',
    owner String COMMENT 'Who is responsible, from the configuration; empty when nobody is named',
    runbook String COMMENT 'Where to read what to do',
    detail String COMMENT 'What has happened, in words',
    withdrawn Bool COMMENT 'True when a late event has shown that there was nothing; hidden by the view',
    version UInt64 COMMENT 'Grows with every write of the row; the highest is current'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (alert_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Versioned rows behind weir.alerts';

CREATE OR REPLACE VIEW weir.alerts
(
    alert_id String COMMENT 'Names the alert in the API: kind, what it is about, when it opened',
    kind LowCardinality(String) COMMENT 'What kind of incident, such as stockout; docs/alerts.md lists them',
    severity LowCardinality(String) COMMENT 'critical, warning or info; follows from the kind',
    state LowCardinality(String) COMMENT 'open, acknowledged, resolved; withdrawn rows are hidden by the view',
    subject String COMMENT 'What it is about, in words',
    entity_key String COMMENT 'Key of the state that the incident follows from, such as the SKU; acknowledgements go there',
    sku String COMMENT 'Stock keeping unit it is about; empty when it is about none',
    node_id String COMMENT 'Node it is about; empty when it is about none',
    opened_at DateTime64(3, 'UTC') COMMENT 'Event time at which it began',
    acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person took it over',
    acknowledged_by Nullable(String) COMMENT 'Who took it over',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Event time at which it ended; null while it goes on',
    cost_minor Nullable(Int64) COMMENT 'Estimate of what it has cost so far, or will cost, minor units of currency; null when not known',
    currency LowCardinality(Nullable(String)) COMMENT 'ISO 4217 currency of cost_minor; null beside a null cost',
    owner String COMMENT 'Who is responsible, from the configuration; empty when nobody is named',
    runbook String COMMENT 'Where to read what to do',
    detail String COMMENT 'What has happened, in words'
)
AS SELECT
    alert_id, kind, severity, state, subject, entity_key, sku, node_id, opened_at, acknowledged_at,
    acknowledged_by, resolved_at, cost_minor, currency, owner, runbook, detail
FROM weir.alerts_rows FINAL
WHERE NOT withdrawn;

CREATE OR REPLACE VIEW weir.alert_times
(
    kind LowCardinality(String) COMMENT 'What kind of incident; docs/alerts.md lists them',
    incidents UInt64 COMMENT 'Incidents of the kind',
    open UInt64 COMMENT 'Those that go on',
    acknowledged UInt64 COMMENT 'Those that a person has taken over',
    mean_minutes_to_acknowledge Nullable(Float64) COMMENT 'Mean time from the opening until a person took it over, minutes; null while nobody has',
    mean_minutes_to_resolve Nullable(Float64) COMMENT 'Mean time from the opening to the end (MTTR), minutes; null while none has ended'
)
AS SELECT
    kind,
    toUInt64(count()) AS incidents,
    toUInt64(countIf(resolved_at IS NULL)) AS open,
    toUInt64(countIf(acknowledged_at IS NOT NULL)) AS acknowledged,
    avgOrNull(if(acknowledged_at > opened_at, dateDiff('millisecond', opened_at, assumeNotNull(acknowledged_at)), NULL)) / 60000 AS mean_minutes_to_acknowledge,
    avgOrNull(dateDiff('millisecond', opened_at, resolved_at)) / 60000 AS mean_minutes_to_resolve
FROM weir.alerts_rows FINAL
WHERE NOT withdrawn
GROUP BY kind;
