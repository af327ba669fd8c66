import { join } from 'node:path';

import { readNdjson } from '../../cli/import/ndjson.ts';
import { loadConfig } from '../../processors/config.ts';
import { createDoor } from '../../processors/door/door.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import { EmbeddedLog } from '../../processors/engine/log/embedded.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { EngineLoop } from '../../processors/engine/runtime/loop.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { migrate } from '../../processors/engine/sink/migrate.ts';
import { LmdbStore } from '../../processors/engine/state/lmdb.ts';
import { createProcessors, migrationsOf, viewsOf } from '../../processors/registry.ts';
import { NO_LISTENER } from '../doubles/no-listener.ts';
import { isCrashPoint } from './crash-points.ts';
import { Crash, crashingLog, crashingSink, crashingStore } from './crashing-parts.ts';

/*
 * One process of the embedded engine over real LMDB and chDB that dies where it is told:
 *   node crashing-node.ts <data directory> <events.ndjson> [<point> <n-th time>]
 * It takes all events of the file, waits until they are in ClickHouse, and prints its counts.
 */

const [, , dataDir = '', file = '', point = '', nth = '1'] = process.argv;
const crash = new Crash(isCrashPoint(point) ? point : undefined, Number(nth));
const config = loadConfig({ file: undefined, environment: { WEIR_DATA_DIR: dataDir } });
/** Small, so that a short file makes many checkpoints. */
const CHECKPOINT = {
  checkpointMs: 100,
  checkpointKeysMax: 500,
  checkpointRowsMax: 500,
  checkpointLinesMax: 500,
  stretchKeysMax: 20,
};
const EVENTS_PER_APPEND = 250;

const clickHouse = await ClickHouse.openEmbedded(join(dataDir, 'clickhouse'));
const processors = createProcessors(config);
await migrate(clickHouse, migrationsOf(processors), viewsOf(processors));
const log = EmbeddedLog.open(join(dataDir, 'log'), () => systemClock.nowMs());
const store = LmdbStore.open(join(dataDir, 'state'));
const engine = await Engine.open({
  node: 'local',
  processors,
  log: crashingLog(log, crash, { before: 'forward_begins', after: 'forward_durable' }),
  store: crashingStore(store, crash),
  sink: crashingSink(clickHouse, crash),
  clock: systemClock,
  limits: {
    outOfOrdernessMs: config.lateness.out_of_orderness,
    idleTimeoutMs: config.lateness.idle_timeout,
    allowedLatenessMs: config.lateness.allowed,
    clockSkewMs: config.lateness.clock_skew,
    cachedStateBytesMax: 200_000,
    cachedRowsMax: 50,
    deduplicationIdsMax: 100_000,
    ...CHECKPOINT,
    outboxRowsMax: 5_000,
  },
  partitions: config.partitions,
  events: NO_LISTENER,
});
const loop = new EngineLoop({
  engine,
  log,
  clock: systemClock,
  liveTickMs: config.windows.live_tick,
  onUpdates: () => undefined,
  onDefect: (error) => {
    throw error;
  },
});
loop.start();

const door = createDoor({
  tokeniser: createTokeniser(Buffer.alloc(32, 'a secret of the tests')),
  partitionCounts: { visitor: config.partitions, sku: config.partitions },
  clockSkewMs: config.lateness.clock_skew,
  clock: () => systemClock.nowMs(),
  append: (batches) =>
    crashingLog(log, crash, { before: 'append_begins', after: 'append_durable' }).append(batches),
});
for await (const { type, events } of readNdjson(file)) {
  for (let at = 0; at < events.length; at += EVENTS_PER_APPEND) {
    await door.ingest(type, events.slice(at, at + EVENTS_PER_APPEND));
  }
}
await loop.drain();
process.stdout.write(`${JSON.stringify(engine.counts())}\n`);
await loop.stop();
await engine.outbox.close();
await store.close();
await log.close();
await clickHouse.close();
