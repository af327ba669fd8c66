import { spawn } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import type { EventCounts } from '../../schemas/ports.ts';
import { differencesOf } from './audit.ts';
import { temporaryDirectory } from './command-line.ts';
import { type CrashPoint, CRASH_POINTS } from './crash-points.ts';
import { writeShopFile } from './simulated-shop.ts';
import { tablesOf } from './tables.ts';

const NODE = join(import.meta.dirname, 'crashing-node.ts');
const TIMEOUT_MS = 600_000;

/** Each point in the middle of the work, and the first commit, which raises the fencing epoch. */
const CASES: readonly (readonly [CrashPoint, number])[] = [
  ['append_begins', 3],
  ['append_durable', 3],
  ['commit_begins', 1],
  ['commit_begins', 3],
  ['commit_written', 3],
  ['commit_durable', 1],
  ['commit_durable', 3],
  ['insert_begins', 5],
  ['insert_under_way', 5],
  ['insert_acknowledged', 5],
  ['forward_begins', 2],
  ['forward_durable', 2],
];

/** Runs the process to its end; `told` is what it printed last. */
function run(...args: readonly string[]): Promise<{
  readonly signal: string | null;
  readonly exitCode: number | null;
  readonly told: string;
  readonly stderr: string;
}> {
  const child = spawn(process.execPath, [NODE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let told = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => {
    child.on('close', (exitCode, signal) =>
      resolve({ signal, exitCode, told: told.trim(), stderr }),
    );
  });
}

/** Events that count, out of all that the log holds: the same however often they were sent. */
function contributedOf(counts: string): number {
  const { received, contributed, duplicate, late, dead_lettered, quarantined } = erase<EventCounts>(
    JSON.parse(counts),
  );
  expect(contributed + duplicate + late + dead_lettered + quarantined).toBe(received);
  expect({ late, dead_lettered, quarantined }).toEqual({
    late: 0,
    dead_lettered: 0,
    quarantined: 0,
  });
  return contributed;
}

test('every crash point is tried', () => {
  expect([...new Set(CASES.map(([point]) => point))]).toEqual(Object.keys(CRASH_POINTS));
});

test(
  'a process that dies at any point of its work and starts again ends with the tables of an undisturbed one',
  async () => {
    const directory = temporaryDirectory();
    const { file } = await writeShopFile(directory, { seed: 3, eventsPerSecond: 50, minutes: 1 });
    // The tables are made once and copied: what is tried here comes after.
    const empty = join(directory, 'empty');
    writeFileSync(join(directory, 'nothing.ndjson'), '');
    expect(await run(empty, join(directory, 'nothing.ndjson'))).toMatchObject({ exitCode: 0 });

    const calmDir = join(directory, 'calm');
    cpSync(empty, calmDir, { recursive: true });
    const calm = await run(calmDir, file);
    expect(calm).toMatchObject({ exitCode: 0, stderr: '' });
    const contributed = contributedOf(calm.told);
    const tables = await tablesOf(calmDir);
    // The tables include the raw events, so those that equal them pass the audit as well.
    expect(await differencesOf(calmDir)).toEqual([]);

    for (const [point, nth] of CASES) {
      const what = `${point}, time ${nth}: ${CRASH_POINTS[point]}`;
      const dataDir = join(directory, `${point}-${nth}`);
      cpSync(empty, dataDir, { recursive: true });
      expect(await run(dataDir, file, point, String(nth)), what).toMatchObject({
        signal: 'SIGKILL',
        told: point,
      });
      const second = await run(dataDir, file);
      expect(second, what).toMatchObject({ exitCode: 0, stderr: '' });
      expect(contributedOf(second.told), what).toBe(contributed);
      expect(await tablesOf(dataDir), what).toEqual(tables);
    }
  },
  TIMEOUT_MS,
);
