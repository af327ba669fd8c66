import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';

import { afterAll, expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { readBack } from './read-back.ts';
import { gatherTruth, generateShop } from './shop.ts';
import type { TruthRecord } from './truth.ts';
import { writeShop } from './write.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-shop-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function truthOf(path: string): ReturnType<typeof gatherTruth> {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const records: TruthRecord[] = lines.map((line) => erase(JSON.parse(line)));
  expect(records.at(-1)?.truth).toBe('summary');
  return gatherTruth(records);
}

test('the file holds the lines of the shop, and the truth file what the shop knows', async () => {
  const options = { durationMs: 5 * MINUTE_MS, seed: 9 };
  const file = join(directory, 'shop.ndjson');
  const truthFile = join(directory, 'shop.truth.ndjson');
  const written = await writeShop(options, { file, truthFile });
  const text = readFileSync(file, 'utf8');
  const hash = createHash('sha256');
  for (const event of generateShop(options)) hash.update(event.line);
  expect(createHash('sha256').update(text).digest('hex')).toBe(hash.digest('hex'));
  const { lines, clicks } = readBack(text);
  expect(written).toMatchObject({ lines: lines.length, bytes: Buffer.byteLength(text) });
  const truth = truthOf(truthFile);
  expect(truth.summary).toEqual(JSON.parse(JSON.stringify(written.summary)));
  const gross = clicks.filter(({ kind }) => kind !== 'impression' && kind !== 'beacon').length;
  expect(truth.minutes.reduce((sum, minute) => sum + minute.clicks_gross, 0)).toBe(gross);
});

test('a slow writable is waited for and stays open', async () => {
  let waiting = 0;
  let waitingMax = 0;
  let bytes = 0;
  const slow = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      waiting += 1;
      waitingMax = Math.max(waitingMax, waiting);
      bytes += chunk.length;
      setImmediate(() => {
        waiting -= 1;
        done();
      });
    },
  });
  const written = await writeShop({ durationMs: 3 * MINUTE_MS }, { writable: slow });
  expect(bytes).toBe(written.bytes);
  expect(waitingMax).toBe(1);
  expect(slow.writableEnded).toBe(false);
});

test('a shop that is stopped leaves a whole file and the truth about it', async () => {
  const controller = new AbortController();
  const file = join(directory, 'stopped.ndjson');
  const truthFile = join(directory, 'stopped.truth.ndjson');
  const written = await writeShop(
    { durationMs: Number.POSITIVE_INFINITY },
    {
      file,
      truthFile,
      signal: controller.signal,
      onProgress: ({ lines }) => {
        if (lines > 10_000) controller.abort();
      },
    },
  );
  const { lines, clicks, orders } = readBack(readFileSync(file, 'utf8'));
  expect(lines.length).toBe(written.lines);
  expect(lines.length).toBeLessThan(30_000);
  const { summary, minutes } = truthOf(truthFile);
  expect(summary.to - summary.from).toBeLessThan(HOUR_MS);
  expect(summary.events).toMatchObject({ click: clicks.length, order: orders.length });
  const placed = orders.filter((order) => order.status === 'placed').length;
  expect(minutes.reduce((sum, minute) => sum + minute.orders, 0)).toBe(placed);
});

test('a target that cannot be written is an error, not a silence', async () => {
  const options = { durationMs: MINUTE_MS };
  await expect(writeShop(options, { file: join(directory, 'no', 'such') })).rejects.toThrow(
    /ENOENT/,
  );
  await expect(writeShop(options, { file: '/dev/full' })).rejects.toThrow(/ENOSPC/);
  const broken = new PassThrough();
  broken.destroy(new Error('gone'));
  await expect(writeShop(options, { writable: broken })).rejects.toThrow(/gone/);
});
