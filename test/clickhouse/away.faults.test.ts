import { join } from 'node:path';

import { expect, test } from 'vitest';

import { DEFAULT_CONFIG } from '../../processors/config.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import { EngineLoop } from '../../processors/engine/runtime/loop.ts';
import { systemClock } from '../../processors/engine/runtime/system-clock.ts';
import { unreadCount } from '../../processors/engine/runtime/unread.ts';
import { ClickHouse } from '../../processors/engine/sink/clickhouse.ts';
import { PLAIN } from '../../processors/engine/sink/layout.ts';
import { migrate } from '../../processors/engine/sink/migrate.ts';
import { MemoryStore } from '../../processors/engine/state/memory.ts';
import { limitsOf } from '../../processors/limits.ts';
import { createProcessors, migrationsOf, viewsOf } from '../../processors/registry.ts';
import { erase } from '../../schemas/brand.ts';
import { encodeEvent } from '../../schemas/events/wire.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';
import { LoopbackProxy, type Way } from '../doubles/loopback-proxy.ts';
import { NO_LISTENER } from '../doubles/no-listener.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { clicksOf, startServer } from '../integration/server.ts';
import { DAY_ZERO_MS, buildClick } from '../laws/event-builders.ts';
import { startClickHouse } from './running-server.ts';
import { LOGIN } from './server-process.ts';

const PORT = 18_192;
const TIMEOUT_MS = 240_000;
const SOON = { timeout: 60_000, interval: 100 };
const BATCH_CLICKS = 500;
/** Each way to be away, how often it has struck before the test looks on, and what Weir is told then. */
const AWAY: readonly {
  readonly way: Way;
  readonly struckMin: number;
  readonly failures: readonly string[];
}[] = [
  { way: 'refused', struckMin: 6, failures: ['CLICKHOUSE_UNAVAILABLE'] },
  { way: 'reset_at_connect', struckMin: 6, failures: ['CLICKHOUSE_UNAVAILABLE'] },
  { way: 'reset_mid_request', struckMin: 6, failures: ['CLICKHOUSE_UNAVAILABLE'] },
  // A try has a minute for its answer.
  { way: 'black_hole', struckMin: 1, failures: [] },
];

function accessTo(port: number): Parameters<typeof ClickHouse.connectTo>[0] {
  return { url: `http://127.0.0.1:${port}`, ...LOGIN, caFile: undefined, layout: PLAIN };
}

/** Rows, distinct ids, and clicks that were counted. */
async function storedClicks(clickHouse: ClickHouse): Promise<readonly unknown[]> {
  const [row] = await clickHouse.query(
    `SELECT count() AS rows, uniqExact(event_id) AS ids,
       (SELECT sum(clicks_gross) FROM weir.channel_1m) AS counted FROM weir.clicks`,
  );
  return [row?.['rows'], row?.['ids'], row?.['counted']];
}

test(
  'while ClickHouse is away the outbox fills, tasks stop reading and the log keeps the rest; then all is there once',
  async () => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const proxy = await LoopbackProxy.to(server.port);
    const direct = ClickHouse.connectTo(accessTo(server.port));
    const sink = ClickHouse.connectTo(accessTo(proxy.port));
    const processors = createProcessors(DEFAULT_CONFIG);
    await migrate(direct, migrationsOf(processors), viewsOf(processors));
    const log = new MemoryLog(() => DAY_ZERO_MS);
    const failures: string[] = [];
    const outboxRowsMax = 200;
    const engine = await Engine.open({
      node: 'local',
      processors,
      log,
      store: new MemoryStore(),
      sink,
      clock: systemClock,
      limits: { ...limitsOf(DEFAULT_CONFIG), checkpointMs: 20, outboxRowsMax },
      partitions: 1,
      events: { ...NO_LISTENER, onRetry: ({ error }) => failures.push(error.code) },
    });
    const loop = new EngineLoop({
      engine,
      log,
      clock: systemClock,
      liveTickMs: 50,
      onUpdates: () => undefined,
      onDefect: (error) => failures.push(String(error)),
    });
    let sent = 0;
    const append = async (count: number): Promise<void> => {
      const values = Array.from({ length: count }, (_, index) =>
        encodeEvent('weir.clicks', buildClick({ event_id: `e${sent + index}`, kind: 'click' })),
      );
      sent += count;
      await log.append([{ topic: 'weir.clicks', partition: 0, values }]);
    };
    const lag = (): number => engine.tasks.reduce((sum, task) => sum + unreadCount(task, log), 0);

    loop.start();
    for (const { way, struckMin, failures: told } of AWAY) {
      await append(100);
      await loop.drain();
      const before = { ...proxy.fired };
      failures.length = 0;
      const struck = (): number => {
        if (way === 'refused') return failures.length;
        if (way === 'black_hole') return proxy.fired.swallowed - before.swallowed;
        return proxy.fired.resets - before.resets;
      };
      await proxy.take(way);
      // In pieces, so that there are checkpoints in between.
      const piece = setInterval(() => void append(50), 10);
      await expect.poll(() => engine.mustWait() && lag() > 500, SOON).toBe(true);
      clearInterval(piece);
      await expect.poll(struck, SOON).toBeGreaterThanOrEqual(struckMin);
      expect(engine.outbox.pendingRows, way).toBeGreaterThanOrEqual(outboxRowsMax);
      expect([...new Set(failures)], way).toEqual(told);
      expect(engine.outbox.isHealthy, way).toBe(told.length === 0);
      // The source is paused: what it had not read it has still not.
      expect([engine.mustWait(), lag() > 500], way).toEqual([true, true]);
      await proxy.take('open');
      await loop.drain();
      expect(lag(), way).toBe(0);
      expect(engine.outbox.isHealthy, way).toBe(true);
      expect(await storedClicks(direct), way).toEqual([sent, sent, sent]);
    }
    await loop.stop();
    await engine.outbox.close();
    await sink.close();
    await direct.close();
    await proxy.close();
  },
  TIMEOUT_MS,
);

test(
  'a running Weir says that ClickHouse is away, stays alive, and goes on by itself',
  async () => {
    const server = await startClickHouse({ path: temporaryDirectory() });
    const proxy = await LoopbackProxy.to(server.port);
    const direct = ClickHouse.connectTo(accessTo(server.port));
    const weir = await startServer(join(temporaryDirectory(), 'data'), PORT, {
      ...server.environment,
      WEIR_CLICKHOUSE_URL: `http://127.0.0.1:${proxy.port}`,
    });
    const readiness = async (): Promise<number> => (await weir.get('/readyz')).status;
    const sinkOf = async (): Promise<PipelineStatus['sink']> =>
      erase<PipelineStatus>((await weir.get('/v1/pipeline')).body).sink;
    let sent = 0;
    for (const { way } of AWAY) {
      await proxy.take(way);
      // What is acknowledged is in the log, whether there is a ClickHouse or not.
      const answer = await weir.sendClicks(clicksOf(way, BATCH_CLICKS));
      expect(answer, way).toEqual({ status: 202, accepted: BATCH_CLICKS });
      sent += BATCH_CLICKS;
      await expect.poll(readiness, SOON).toBe(503);
      expect((await weir.get('/healthz')).status, way).toBe(200);
      const { healthy, pending_rows: pending } = await sinkOf();
      expect([healthy, pending > BATCH_CLICKS], way).toEqual([false, true]);
      await proxy.take('open');
      await expect.poll(readiness, SOON).toBe(200);
      await expect.poll(() => storedClicks(direct), SOON).toEqual([sent, sent, sent]);
    }
    expect(proxy.fired.resets).toBeGreaterThan(0);
    expect(proxy.fired.swallowed).toBeGreaterThan(0);
    weir.child.kill('SIGTERM');
    expect(await weir.finished).toMatchObject({ exitCode: 0 });
    await direct.close();
    await proxy.close();
  },
  TIMEOUT_MS,
);
