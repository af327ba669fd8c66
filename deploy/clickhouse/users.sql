-- The two users of a ClickHouse server: Weir itself, and whoever reads its results. Run it once as an
-- administrator, with passwords of your own in the parameters:
--   clickhouse-client --param_weir_password="$(cat weir.password)" \
--     --param_reader_password="$(cat reader.password)" --queries-file users.sql
-- With a cluster add ON CLUSTER to each statement, or keep users in a replicated storage.

CREATE ROLE IF NOT EXISTS weir_writer;
-- Its tables and views, and what fills and empties them.
GRANT SELECT, INSERT, TRUNCATE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER ON weir.* TO weir_writer;
-- Sandboxes of weir replay.
GRANT SELECT, INSERT, TRUNCATE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, DROP TABLE, DROP VIEW, ALTER ON `weir_sandbox_*`.* TO weir_writer;
-- Columns of the views, whether tables are there, and the shards of the cluster.
GRANT SELECT ON system.columns TO weir_writer;
GRANT SELECT ON system.databases TO weir_writer;
GRANT SELECT ON system.tables TO weir_writer;
GRANT SELECT ON system.clusters TO weir_writer;
-- ON CLUSTER, for clickhouse.cluster alone.
GRANT CLUSTER ON *.* TO weir_writer;
CREATE USER IF NOT EXISTS weir IDENTIFIED WITH sha256_password BY {weir_password:String} DEFAULT ROLE weir_writer;
GRANT weir_writer TO weir;

-- People and Grafana: they read results, within limits, and nothing outside the database: no files, no
-- addresses, no other servers. Dead letters hold records as they came and may hold personal data; the audit
-- log is for administrators.
CREATE SETTINGS PROFILE IF NOT EXISTS weir_reading SETTINGS readonly = 2, max_execution_time = 30 MAX 60, max_memory_usage = 2000000000 MAX 4000000000, max_rows_to_read = 1000000000 MAX 10000000000, max_result_rows = 1000000 MAX 1000000;
CREATE ROLE IF NOT EXISTS weir_reader SETTINGS PROFILE weir_reading;
GRANT SELECT ON weir.* TO weir_reader;
REVOKE SELECT ON weir.dead_letters FROM weir_reader;
REVOKE SELECT ON weir.dead_letters_log FROM weir_reader;
REVOKE SELECT ON weir.audit_log FROM weir_reader;
REVOKE SELECT ON weir.acts_log FROM weir_reader;
CREATE USER IF NOT EXISTS weir_reading IDENTIFIED WITH sha256_password BY {reader_password:String} DEFAULT ROLE weir_reader;
GRANT weir_reader TO weir_reading;
