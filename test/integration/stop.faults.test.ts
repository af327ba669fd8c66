import { join } from 'node:path';

import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';
import { differencesOf } from './audit.ts';
import { temporaryDirectory } from './command-line.ts';
import { type Server, clicksOf, startServer } from './server.ts';
import { rowsOf } from './tables.ts';

const PORT = 18_164;
const TIMEOUT_MS = 120_000;
const STOP_MS_MAX = 5_000;
/** An event loop that is busy with a batch takes a moment to see a signal. */
const AT_ONCE_MS_MAX = 2_000;
const BATCH_CLICKS = 1_000;
const SETTLED_MS_MAX = 30_000;
/** Batches that are taken before the process is told to stop. */
const BATCHES_BEFORE = 10;

/** Sends batch after batch until the server goes away. `sent` counts also what was on its way then. */
class Load {
  acknowledged = 0;
  sent = 0;
  readonly done: Promise<void>;
  readonly #reached = Promise.withResolvers<void>();

  constructor(server: Server, name: string) {
    this.done = this.#run(server, name);
  }

  /** Resolves when the server is in the middle of it. */
  get underWay(): Promise<void> {
    return this.#reached.promise;
  }

  async #run(server: Server, name: string): Promise<void> {
    for (let batch = 0; ; batch += 1) {
      if (batch === BATCHES_BEFORE) this.#reached.resolve();
      this.sent += BATCH_CLICKS;
      try {
        const { accepted } = await server.sendClicks(clicksOf(`${name}-${batch}`, BATCH_CLICKS));
        this.acknowledged += accepted;
        if (accepted === 0) return;
      } catch {
        // The connection ended with the process.
        return;
      }
    }
  }
}

/** Starts again, waits until all is processed, stops, and returns the clicks that are stored. */
async function clicksAfterRestart(
  dataDir: string,
): Promise<{ readonly clicks: number; readonly startMs: number }> {
  const server = await startServer(dataDir, PORT);
  await expect
    .poll(
      async () => {
        const { tasks } = erase<PipelineStatus>((await server.get('/v1/pipeline')).body);
        return tasks.reduce((lag, task) => lag + task.lag_records, 0);
      },
      { timeout: SETTLED_MS_MAX, interval: 50 },
    )
    .toBe(0);
  const { counts } = erase<PipelineStatus>((await server.get('/v1/pipeline')).body);
  expect(counts.received).toBe(counts.contributed);
  server.child.kill('SIGTERM');
  expect(await server.finished).toMatchObject({ exitCode: 0, stderr: '' });
  const [row] = await rowsOf(
    dataDir,
    'SELECT count() AS clicks, uniqExact(event_id) AS ids FROM weir.clicks',
  );
  expect(row?.['clicks']).toBe(row?.['ids']);
  expect(row?.['clicks']).toBe(counts.contributed);
  expect(await differencesOf(dataDir)).toEqual([]);
  return { clicks: counts.contributed, startMs: server.startMs };
}

test(
  'SIGTERM under load ends the process with exit code 0 within 5 s, and a restart goes on with the same totals',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const server = await startServer(dataDir, PORT);
    const load = new Load(server, 'a');
    await load.underWay;
    const toldAtMs = performance.now();
    server.child.kill('SIGTERM');
    expect(await server.finished).toMatchObject({ exitCode: 0, signal: null, stderr: '' });
    const stopMs = performance.now() - toldAtMs;
    expect(stopMs).toBeLessThan(STOP_MS_MAX);
    await load.done;
    const { clicks, startMs } = await clicksAfterRestart(dataDir);
    expect(clicks).toBeGreaterThanOrEqual(load.acknowledged);
    expect(clicks).toBeLessThanOrEqual(load.sent);
    process.stdout.write(
      `${clicks} events; stopped in ${Math.round(stopMs)} ms, up again in ${Math.round(startMs)} ms\n`,
    );
  },
  TIMEOUT_MS,
);

test(
  'a second signal ends the process at once, and what it left undone is done by the next start',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const server = await startServer(dataDir, PORT);
    const load = new Load(server, 'b');
    await load.underWay;
    server.child.kill('SIGTERM');
    server.child.kill('SIGINT');
    const toldAtMs = performance.now();
    expect(await server.finished).toMatchObject({ signal: 'SIGKILL' });
    expect(performance.now() - toldAtMs).toBeLessThan(AT_ONCE_MS_MAX);
    await load.done;
    const { clicks } = await clicksAfterRestart(dataDir);
    expect(clicks).toBeGreaterThanOrEqual(load.acknowledged);
    expect(clicks).toBeLessThanOrEqual(load.sent);
  },
  TIMEOUT_MS,
);

test(
  'after kill -9 under load a restart has everything that was acknowledged',
  async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    const server = await startServer(dataDir, PORT);
    const load = new Load(server, 'c');
    await load.underWay;
    server.child.kill('SIGKILL');
    expect(await server.finished).toMatchObject({ signal: 'SIGKILL' });
    await load.done;
    const { clicks, startMs } = await clicksAfterRestart(dataDir);
    expect(clicks).toBeGreaterThanOrEqual(load.acknowledged);
    expect(clicks).toBeLessThanOrEqual(load.sent);
    process.stdout.write(`${clicks} events; up again ${Math.round(startMs)} ms after kill -9\n`);
  },
  TIMEOUT_MS,
);
