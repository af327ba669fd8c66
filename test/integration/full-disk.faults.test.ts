import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import type { PipelineStatus } from '../../schemas/ports.ts';
import { differencesOf } from './audit.ts';
import { temporaryDirectory } from './command-line.ts';
import { type Server, clicksOf, startServer } from './server.ts';
import { smallDisk, whyNoSmallDisk } from './small-disk.ts';
import { rowsOf } from './tables.ts';

const PORT = 18_163;
const TIMEOUT_MS = 180_000;
const RECOVERY_MS_MAX = 60_000;
const BATCH_CLICKS = 500;
/** Long addresses fill a disk with few events. */
const URL_LENGTH = 1_500;
const BATCHES_MAX = 400;

const whyNot = whyNoSmallDisk();
if (whyNot !== undefined) process.stdout.write(`Skipped, because ${whyNot}\n`);

/** Sends until an answer is not 202; how many events were acknowledged, and that answer. */
async function sendUntilRefused(
  server: Server,
): Promise<{ readonly acknowledged: number; readonly status: number }> {
  let acknowledged = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const { status, accepted } = await server.sendClicks(
      clicksOf(`fill-${batch}`, BATCH_CLICKS, URL_LENGTH),
    );
    if (status !== 202) return { acknowledged, status };
    acknowledged += accepted;
  }
  return { acknowledged, status: 202 };
}

async function isReady(server: Server): Promise<number> {
  return (await server.get('/readyz')).status;
}

/** Records and rows that are acknowledged and not in ClickHouse yet. */
async function waiting(server: Server): Promise<number> {
  const { body } = await server.get('/v1/pipeline');
  const { tasks, sink } = erase<Pick<PipelineStatus, 'tasks' | 'sink'>>(body);
  return tasks.reduce((sum, { lag_records }) => sum + lag_records, sink.pending_rows);
}

async function stop(server: Server): Promise<void> {
  server.child.kill('SIGTERM');
  expect(await server.finished).toMatchObject({ exitCode: 0 });
}

test.skipIf(whyNot !== undefined)(
  'on a full disk events are refused with 507, reads go on, nothing acknowledged is lost, and freed room is enough to recover',
  async () => {
    const disk = smallDisk(160);
    const dataDir = join(disk.path, 'data');
    const server = await startServer(dataDir, PORT);
    expect(await server.sendClicks(clicksOf('before', BATCH_CLICKS))).toEqual({
      status: 202,
      accepted: BATCH_CLICKS,
    });
    disk.fill();

    const { acknowledged, status } = await sendUntilRefused(server);
    expect(status).toBe(507);
    expect(await isReady(server)).toBe(503);
    expect(await server.get('/healthz')).toMatchObject({ status: 200 });
    expect(await server.get('/v1/pipeline')).toMatchObject({ status: 200 });
    expect(
      await server.get('/v1/channels?from=2025-11-20T00:00:00Z&to=2025-11-21T00:00:00Z'),
    ).toMatchObject({ status: 200 });

    disk.free();
    await expect.poll(() => isReady(server), { timeout: RECOVERY_MS_MAX, interval: 250 }).toBe(200);
    expect(await server.sendClicks(clicksOf('after', BATCH_CLICKS))).toEqual({
      status: 202,
      accepted: BATCH_CLICKS,
    });
    // A stop does not wait for what is not processed yet; the tables are compared when all is.
    await expect.poll(() => waiting(server), { timeout: RECOVERY_MS_MAX, interval: 250 }).toBe(0);
    await stop(server);

    const [row] = await rowsOf(
      dataDir,
      'SELECT count() AS clicks, uniqExact(event_id) AS ids FROM weir.clicks',
    );
    expect(row).toEqual({
      clicks: acknowledged + 2 * BATCH_CLICKS,
      ids: acknowledged + 2 * BATCH_CLICKS,
    });
    expect(await differencesOf(dataDir)).toEqual([]);
  },
  TIMEOUT_MS,
);

test.skipIf(whyNot !== undefined)(
  'when ClickHouse alone has no room, events are taken and wait, and arrive once there is room',
  async () => {
    const disk = smallDisk(64);
    const dataDir = join(temporaryDirectory(), 'data');
    mkdirSync(dataDir);
    mkdirSync(join(disk.path, 'clickhouse'));
    symlinkSync(join(disk.path, 'clickhouse'), join(dataDir, 'clickhouse'));
    const server = await startServer(dataDir, PORT);
    disk.fill();

    expect(await server.sendClicks(clicksOf('waiting', BATCH_CLICKS, URL_LENGTH))).toEqual({
      status: 202,
      accepted: BATCH_CLICKS,
    });
    await expect.poll(() => isReady(server), { timeout: RECOVERY_MS_MAX, interval: 250 }).toBe(503);
    expect(await server.get('/v1/pipeline')).toMatchObject({
      status: 200,
      body: { sink: { healthy: false } },
    });
    expect(await server.sendClicks(clicksOf('later', BATCH_CLICKS, URL_LENGTH))).toEqual({
      status: 202,
      accepted: BATCH_CLICKS,
    });

    disk.free();
    await expect.poll(() => isReady(server), { timeout: RECOVERY_MS_MAX, interval: 250 }).toBe(200);
    await stop(server);
    expect(await rowsOf(dataDir, 'SELECT count() AS clicks FROM weir.clicks')).toEqual([
      { clicks: 2 * BATCH_CLICKS },
    ]);
    expect(await differencesOf(dataDir)).toEqual([]);
  },
  TIMEOUT_MS,
);
