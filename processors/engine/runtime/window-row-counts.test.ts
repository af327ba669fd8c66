import { expect, test } from 'vitest';

import { DAY_MS, MINUTE_MS } from '../../../schemas/time.ts';
import type { SumsTable } from '../operator/table.ts';
import { WindowSums } from '../operator/window-sums.ts';
import { WindowRowCounts } from './window-row-counts.ts';

const COUNTS: SumsTable = {
  kind: 'sums',
  name: 'counts_rows',
  windowMs: MINUTE_MS,
  dimensions: [],
  sums: ['clicks'],
};
const T0 = Date.UTC(2026, 10, 20);

/** The window [T0, T0 + 1 min) changes three times; what its row counts as follows the watermark. */
test.each([
  ['before the window is over', T0 + MINUTE_MS - 1, 'provisional'],
  ['once it is over', T0 + MINUTE_MS, 'matured'],
  ['until the allowed lateness has passed', T0 + MINUTE_MS + DAY_MS - 1, 'matured'],
  ['from then on, as a row of its own', T0 + MINUTE_MS + DAY_MS, 'final'],
] as const)('a change counts %s as %3$s', (_when, watermarkMs, state) => {
  const sums = new WindowSums({
    table: COUNTS,
    allowedLatenessMs: DAY_MS,
    load: () => undefined,
  });
  sums.add({ eventMs: T0 + 1, watermarkMs, dimensions: [], sum: 0, amount: 1 });
  const counts = new WindowRowCounts();
  for (const row of sums.takeDirty()) counts.add(row, watermarkMs);
  expect(counts.list()).toEqual([{ table: 'counts_rows', state, rows: 1 }]);
});
