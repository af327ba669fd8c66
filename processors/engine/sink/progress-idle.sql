ALTER TABLE weir.progress_rows
    ADD COLUMN IF NOT EXISTS idle Bool DEFAULT false COMMENT 'Whether the node expects no events, so that it holds no other back' AFTER updated_at;

CREATE OR REPLACE VIEW weir.progress AS
SELECT
    multiIf(
        count() = 0, toDateTime64(0, 3, 'UTC'),
        countIf(NOT idle) = 0, min(watermark),
        minIf(watermark, NOT idle)) AS watermark,
    toInt64(if(count() = 0, 86400000, max(allowed_lateness_ms))) AS allowed_lateness_ms
FROM weir.progress_rows FINAL;
