import { join } from 'node:path';

import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import type { Row } from '../../schemas/panel.ts';

/** Views of how results came about, which differ between two ways to the same result. */
const WAYS: ReadonlySet<string> = new Set([
  'audit_log',
  'bot_verdicts',
  'bot_withdrawals_1m',
  'lift_test_changes',
  'progress',
]);

/** When and where an event was taken. */
const ARRIVAL: ReadonlySet<string> = new Set(['appended_at', 'ingested_at', 'offset', 'partition']);

/** Columns that follow from the others and from how far time has come, besides the `state` of a window. */
const MOMENTS: Readonly<Record<string, readonly string[]>> = {
  fulfilment_1h: ['pending', 'late'],
  late_events: ['watermark'],
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

/** Row count and hash of every public view that holds results. */
export function tablesOf(dataDir: string): Promise<Tables> {
  return withClickHouse(dataDir, async (clickHouse) => {
    const tables: Record<string, { rows: number; hash: string }> = {};
    for (const [view, sql] of await resultsIn(clickHouse)) {
      // A sum of hashes does not depend on the order of rows, and counts repeats.
      const [row] = await clickHouse.query(
        `SELECT toUInt32(count()) AS rows, toString(sum(cityHash64(tuple(*)))) AS hash FROM (${sql})`,
      );
      tables[view] = { rows: Number(row?.['rows']), hash: String(row?.['hash']) };
    }
    return tables;
  });
}

/** The columns of a view that hold results; none of one that says how they came about. */
export function resultColumns(view: string, columns: readonly string[]): readonly string[] {
  if (WAYS.has(view)) return [];
  const hasWindows = columns.includes('window_start');
  return columns.filter((column) => {
    if (ARRIVAL.has(column) || MOMENTS[view]?.includes(column) === true) return false;
    return !hasWindows || column !== 'state';
  });
}

/** What to read of every view, so that a new one is compared by being there. */
async function resultsIn(clickHouse: ClickHouse): Promise<ReadonlyMap<string, string>> {
  const columns = await clickHouse.query(
    `SELECT columns.table AS view, columns.name AS name, match(type, '^(Nullable\\()?(U?Int|Float)') AS is_number
     FROM system.columns AS columns
     JOIN system.tables AS tables ON tables.database = columns.database AND tables.name = columns.table
     WHERE columns.database = 'weir' AND tables.engine = 'View' ORDER BY view, columns.position`,
  );
  const views = Map.groupBy(columns, ({ view }) => String(view));
  return new Map(
    [...views]
      .filter(([view]) => !WAYS.has(view))
      .map(([view, all]) => {
        const hasWindows = all.some(({ name }) => name === 'window_start');
        const results = resultColumns(
          view,
          all.map(({ name }) => String(name)),
        );
        const kept = all.filter(({ name }) => results.includes(String(name)));
        const numbers = kept.filter(({ is_number }) => Number(is_number) === 1);
        // A row of zeros says what no row says.
        const isSomething = numbers.map(({ name }) => `${String(name)} != 0`).join(' OR ');
        const where = hasWindows && numbers.length > 0 ? ` WHERE ${isSomething}` : '';
        return [view, `SELECT ${results.join(', ')} FROM weir.${view}${where}`];
      }),
  );
}

/** The rows of one query over the files of a data directory. */
export function rowsOf(dataDir: string, sql: string): Promise<readonly Row[]> {
  return withClickHouse(dataDir, (clickHouse) => clickHouse.query(sql));
}
