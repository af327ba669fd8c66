import { join } from 'node:path';

import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import type { Row } from '../../schemas/panel.ts';

/**
 * The public views, in an order that depends on the rows alone. What differs between two ways to the
 * same result is left out: when and at which offset an event was taken.
 */
const VIEWS: Readonly<Record<string, string>> = {
  channel_1m: 'SELECT * EXCEPT (state) FROM weir.channel_1m',
  channel_1h: 'SELECT * EXCEPT (state) FROM weir.channel_1h',
  channel_1d: 'SELECT * EXCEPT (state) FROM weir.channel_1d',
  attribution_1h:
    'SELECT * EXCEPT (state) FROM weir.attribution_1h WHERE conversions_milli != 0 OR credit_minor != 0',
  // Pending and late follow from these and the watermark.
  fulfilment_1h:
    'SELECT window_start, zone, node_id, due, on_time, delivered_late, placed, within_24h, within_48h, within_72h, cycles FROM weir.fulfilment_1h',
  fulfilment_cycles_1h: 'SELECT * FROM weir.fulfilment_cycles_1h',
  fulfilment_reasons_1h: 'SELECT * EXCEPT (state) FROM weir.fulfilment_reasons_1h',
  stock_current: 'SELECT * FROM weir.stock_current',
  stock_incidents: 'SELECT * FROM weir.stock_incidents',
  alerts: 'SELECT * FROM weir.alerts',
  visitor_identities: 'SELECT * FROM weir.visitor_identities',
  clicks: 'SELECT * EXCEPT (ingested_at, partition, offset) FROM weir.clicks',
  orders: 'SELECT * EXCEPT (ingested_at, partition, offset) FROM weir.orders',
  order_lines: 'SELECT * EXCEPT (ingested_at, partition, offset) FROM weir.order_lines',
  inventory: 'SELECT * EXCEPT (ingested_at, partition, offset) FROM weir.inventory',
};

export type Tables = Readonly<Record<string, { readonly rows: number; readonly hash: string }>>;

/** Runs `use` with the ClickHouse files of a data directory that no process has open. */
export async function withClickHouse<Result>(
  dataDir: string,
  use: (clickHouse: ClickHouse) => Promise<Result>,
): Promise<Result> {
  const clickHouse = await ClickHouse.openEmbedded(join(dataDir, 'clickhouse'));
  try {
    return await use(clickHouse);
  } finally {
    await clickHouse.close();
  }
}

/** Row count and hash of every public view. */
export function tablesOf(dataDir: string): Promise<Tables> {
  return withClickHouse(dataDir, async (clickHouse) => {
    const tables: Record<string, { rows: number; hash: string }> = {};
    for (const [view, sql] of Object.entries(VIEWS)) {
      // A sum of hashes does not depend on the order of rows, and counts repeats.
      const [row] = await clickHouse.query(
        `SELECT toUInt32(count()) AS rows, toString(sum(cityHash64(tuple(*)))) AS hash FROM (${sql})`,
      );
      tables[view] = { rows: Number(row?.['rows']), hash: String(row?.['hash']) };
    }
    return tables;
  });
}

/** The rows of one query over the files of a data directory. */
export function rowsOf(dataDir: string, sql: string): Promise<readonly Row[]> {
  return withClickHouse(dataDir, (clickHouse) => clickHouse.query(sql));
}
