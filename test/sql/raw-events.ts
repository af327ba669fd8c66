import type { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { clicksOf, ordersOf } from '../attribution/events.ts';
import type { LawEvent } from '../laws/law-event.ts';

/** Which ids are one visitor, and the raw events by visitor, as audits see them. */
export const VISITOR_VIEWS = [
  `CREATE TABLE weir.visitor_identities (visitor_token String, into_token String)
   ENGINE = MergeTree ORDER BY visitor_token`,
  ...['clicks', 'orders'].map(
    (table) => `CREATE VIEW weir.visitor_${table} AS
   SELECT events.* REPLACE(if(into_token = '', visitor_id, into_token) AS visitor_id), events.visitor_id AS sent_visitor_id
   FROM weir.${table} AS events LEFT JOIN weir.visitor_identities ON visitor_token = events.visitor_id`,
  ),
];

/** The raw events as audits see them, and the progress that the state of views follows. */
export const RAW_TABLES = [
  `CREATE TABLE weir.clicks (event_id String, occurred_at DateTime64(3, 'UTC'), visitor_id String,
   kind LowCardinality(String), channel LowCardinality(String), campaign Nullable(String), sku Nullable(String), arm Nullable(String))
   ENGINE = MergeTree ORDER BY event_id`,
  `CREATE VIEW weir.clicks_log AS SELECT * FROM weir.clicks`,
  `CREATE TABLE weir.orders (event_id String, occurred_at DateTime64(3, 'UTC'), order_id String,
   status LowCardinality(String), visitor_id String, sales_channel String, currency LowCardinality(String), promo_id Nullable(String))
   ENGINE = MergeTree ORDER BY event_id`,
  `CREATE TABLE weir.order_lines (event_id String, order_id String, line_id String,
   occurred_at DateTime64(3, 'UTC'), status LowCardinality(String), visitor_id String,
   sales_channel String, currency LowCardinality(String), quantity Int64, unit_price_minor Int64, unit_cost_minor Nullable(Int64))
   ENGINE = MergeTree ORDER BY (event_id, line_id)`,
  `CREATE TABLE weir.bot_standings (visitor_token String, from_at DateTime64(3, 'UTC'),
   until_at DateTime64(3, 'UTC'), tier Int64, reason String)
   ENGINE = MergeTree ORDER BY visitor_token`,
  `CREATE TABLE weir.progress (watermark DateTime64(3, 'UTC'), allowed_lateness_ms Int64)
   ENGINE = MergeTree ORDER BY watermark`,
  ...VISITOR_VIEWS,
];

/** What economics reads besides: when products were out, and what they cost where. */
export const ECONOMICS_TABLES = [
  'CREATE VIEW weir.orders_log AS SELECT * FROM weir.orders',
  `CREATE TABLE weir.stock_sku_outages (sku String, opened_at DateTime64(3, 'UTC'), resolved_at Nullable(DateTime64(3, 'UTC')))
   ENGINE = MergeTree ORDER BY sku`,
  `CREATE TABLE weir.parity_segments (sku String, started_at DateTime64(3, 'UTC'), ended_at DateTime64(3, 'UTC'), side String)
   ENGINE = MergeTree ORDER BY sku`,
];

type Literal = string | number | null;

/** Stores the clicks and orders of `events` in the tables above. */
export async function storeRawEvents(
  clickHouse: ClickHouse,
  events: readonly LawEvent[],
): Promise<void> {
  await insertRows(
    clickHouse,
    'clicks (event_id, occurred_at, visitor_id, kind, channel, campaign, sku, arm)',
    clicksOf(events).map((event) => [
      event.event_id,
      instantText(event.occurred_at),
      event.visitor_id,
      event.kind,
      event.channel,
      event.campaign,
      event.sku,
      event.arm,
    ]),
  );
  await insertRows(
    clickHouse,
    'orders (event_id, occurred_at, order_id, status, visitor_id, sales_channel, currency, promo_id)',
    ordersOf(events).map((event) => [
      event.event_id,
      instantText(event.occurred_at),
      event.order_id,
      event.status,
      event.visitor_id,
      event.sales_channel,
      event.currency,
      event.promo_id,
    ]),
  );
  await insertRows(
    clickHouse,
    `order_lines (event_id, order_id, line_id, occurred_at, status, visitor_id, sales_channel, currency,
       quantity, unit_price_minor, unit_cost_minor)`,
    ordersOf(events).flatMap((event) =>
      event.lines.map((line) => [
        event.event_id,
        event.order_id,
        line.line_id,
        instantText(event.occurred_at),
        event.status,
        event.visitor_id,
        event.sales_channel,
        event.currency,
        line.quantity,
        line.unit_price_minor,
        line.unit_cost_minor,
      ]),
    ),
  );
}

/** Inserts literal values: numbers, and text without quotes or backslashes. */
export async function insertRows(
  clickHouse: ClickHouse,
  target: string,
  rows: readonly (readonly Literal[])[],
): Promise<void> {
  if (rows.length === 0) return;
  const literal = (value: Literal): string =>
    typeof value === 'string' ? `'${value}'` : String(value ?? 'NULL');
  const values = rows.map((row) => `(${row.map(literal).join(', ')})`);
  await clickHouse.command(`INSERT INTO weir.${target} VALUES ${values.join(', ')}`);
}

/** `2026-03-01 00:00:00.000`, as ClickHouse reads an instant. */
export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('T', ' ').replace('Z', '');
}
