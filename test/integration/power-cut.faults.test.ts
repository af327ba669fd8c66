import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { readNdjson } from '../../cli/import/ndjson.ts';
import { erase } from '../../schemas/brand.ts';
import type { EventType } from '../../schemas/topics.ts';
import { differencesOf } from './audit.ts';
import { startWeir, temporaryDirectory } from './command-line.ts';
import { CutDisk, afterReboot, whyNoPowerCut } from './cut-disk.ts';
import { startServer } from './server.ts';
import { writeShopFile } from './simulated-shop.ts';
import { rowsOf } from './tables.ts';

const PORT = 18_164;
const TIMEOUT_MS = 180_000;
/** Which moments, and how many of them. */
const SEED = Number(process.env['SEED'] ?? 20_261_122);
const CUTS = Number(process.env['CUTS'] ?? 2);
const EVENTS_PER_REQUEST = 200;
/** Longest from a request's being sent to the cut: longer than an append takes. */
const MOMENT_MS_MAX = 60;

/** What was true at one power cut. */
interface Cut {
  readonly path: string;
  readonly acknowledged: readonly string[];
}

const EVENT_IDS = ['clicks', 'orders', 'inventory', 'reference']
  .map((view) => `SELECT event_id FROM weir.${view}`)
  .join(' UNION ALL ');

const whyNot = whyNoPowerCut();
if (whyNot !== undefined) process.stdout.write(`Skipped, because ${whyNot}\n`);

/** A file that a power cut leaves there. Flushing it flushes what others have written as well. */
async function leaveFlushed(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.writeFile('on the disk');
  await file.sync();
  await file.close();
}

/** The events of a file, some at a time. */
async function requestsOf(
  file: string,
): Promise<
  readonly { readonly type: EventType; readonly events: readonly { readonly event_id: string }[] }[]
> {
  const requests = [];
  for await (const { type, events } of readNdjson(file)) {
    for (let at = 0; at < events.length; at += EVENTS_PER_REQUEST) {
      const some = events.slice(at, at + EVENTS_PER_REQUEST);
      requests.push({ type, events: erase<readonly { readonly event_id: string }[]>(some) });
    }
  }
  return requests;
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

test.skipIf(whyNot !== undefined)(
  `after ${CUTS} power cuts under load, which drop what was not flushed, every acknowledged event is there once and all tables are right`,
  async () => {
    const disk = new CutDisk();
    const { file } = await writeShopFile(temporaryDirectory(), {
      seed: SEED,
      eventsPerSecond: 60,
      minutes: 1,
    });
    const requests = await requestsOf(file);
    const server = await startServer(join(disk.path, 'data'), PORT);
    // Checkpoints and inserts of what came before are under way at each cut.
    const perCut = Math.floor(requests.length / CUTS);
    const random = new Random(SEED, 'moments');
    const acknowledged: string[] = [];
    const cuts: Cut[] = [];
    for (const [at, { type, events }] of requests.entries()) {
      const isCut = at % perCut === perCut - 1;
      const cut = cuts.length;
      if (isCut) await leaveFlushed(join(disk.path, `flushed-${cut}`));
      const sending = server.send(type, events).then(({ status }) => {
        expect(status).toBe(202);
        acknowledged.push(...events.map(({ event_id }) => event_id));
      });
      if (isCut) {
        // Every other cut comes with the answer, when what it promises was flushed just now.
        await (cut % 2 === 0 ? sending : wait(random.between(0, MOMENT_MS_MAX)));
        // The kernel writes such a file by itself after half a minute.
        writeFileSync(join(disk.path, `not-flushed-${cut}`), 'in memory');
        const before = [...acknowledged];
        cuts.push({ path: await disk.cut(server.child), acknowledged: before });
      }
      await sending;
    }
    server.child.kill('SIGKILL');
    await server.finished;
    expect(cuts).toHaveLength(CUTS);

    for (const [cut, { path, acknowledged: ids }] of cuts.entries()) {
      expect(textOf(join(path, `flushed-${cut}`))).toBe('on the disk');
      expect(textOf(join(path, `not-flushed-${cut}`))).toBe('');
      const dataDir = join(path, 'data');
      const nothing = ['import', 'ndjson', '/dev/null', '--data-dir', dataDir];
      const recovered = await startWeir(nothing, {}, afterReboot()).finished;
      expect(recovered).toMatchObject({ exitCode: 0, stderr: '' });
      const stored = (await rowsOf(dataDir, EVENT_IDS)).map((row) => String(row['event_id']));
      expect(new Set(stored).size).toBe(stored.length);
      const there = new Set(stored);
      expect(ids.filter((id) => !there.has(id))).toEqual([]);
      expect(ids.length).toBeGreaterThan(0);
      expect(await differencesOf(dataDir)).toEqual([]);
    }
  },
  TIMEOUT_MS,
);
