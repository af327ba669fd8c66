import { writeSync } from 'node:fs';
import { join } from 'node:path';

import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';

/*
 * Has ClickHouse merge the parts of the clicks of a data directory, and dies in the middle of it:
 *   node merging-node.ts <data directory> <how far the merge has come, a share>
 */

const [, , dataDir = '', share = '0'] = process.argv;
const STANDARD_OUTPUT = 1;

const clickHouse = await ClickHouse.openEmbedded(join(dataDir, 'clickhouse'));
const merged = { isDone: false };
void clickHouse.command('OPTIMIZE TABLE weir.clicks_log FINAL').then(() => {
  merged.isDone = true;
});
while (!merged.isDone) {
  const [merge] = await clickHouse.query(
    `SELECT progress, num_parts FROM system.merges WHERE table = 'clicks_log' AND num_parts > 1`,
  );
  if (merge === undefined || Number(merge['progress']) < Number(share)) continue;
  // Synchronous: nothing of this process may run between the line and its death.
  writeSync(STANDARD_OUTPUT, JSON.stringify(merge));
  process.kill(process.pid, 'SIGKILL');
}
