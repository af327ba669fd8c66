import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pack, unpack } from 'msgpackr';
import { afterAll, beforeEach, expect, test } from 'vitest';

import { EmbeddedLog } from '../../processors/engine/log/embedded.ts';
import { CHECKPOINT_FORMAT } from '../../processors/engine/runtime/node-record.ts';
import { LmdbStore } from '../../processors/engine/state/lmdb.ts';
import { TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import { AUDIT_ZERO, auditOf, differencesOf } from './audit.ts';
import { type Finished, startWeir, temporaryDirectory, weir } from './command-line.ts';
import { fileOf, flipValues, flipWherever, tearNewestTransaction } from './damage.ts';
import { writeShopFile } from './simulated-shop.ts';
import { type Tables, tablesOf } from './tables.ts';

const TIMEOUT_MS = 120_000;
const PARTITIONS = 4;

/** A data directory that has taken a shop, and its tables. */
interface Whole {
  readonly dataDir: string;
  readonly lines: readonly string[];
  readonly tables: Tables;
}

const directory = mkdtempSync(join(tmpdir(), 'weir-damage-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let whole: Whole = { dataDir: '', lines: [], tables: {} };

beforeEach(async () => {
  if (whole.dataDir !== '') return;
  const { file } = await writeShopFile(directory, { seed: 5, eventsPerSecond: 50, minutes: 1 });
  const dataDir = join(directory, 'whole');
  expect(await weir('import', 'ndjson', file, '--data-dir', dataDir)).toMatchObject({
    exitCode: 0,
  });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  whole = { dataDir, lines, tables: await tablesOf(dataDir) };
}, TIMEOUT_MS);

/** A copy to damage. */
function copy(): string {
  const dataDir = join(temporaryDirectory(), 'data');
  cpSync(whole.dataDir, dataDir, { recursive: true });
  return dataDir;
}

/** Opens the data directory and imports some lines. */
async function open(dataDir: string, ...lines: readonly string[]): Promise<Finished> {
  const file = join(temporaryDirectory(), 'more.ndjson');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return weir('import', 'ndjson', file, '--data-dir', dataDir);
}

/** A line of the shop's file that starts so, as an event that nobody has seen. */
function newEvent(start: string): string {
  const line = whole.lines.find((each) => each.startsWith(start));
  if (line === undefined) throw new Error(`no line starts with ${start}`);
  return line.replace(/"event_id":"[^"]+"/, '"event_id":"new-1"');
}

async function expectRecomputed(dataDir: string): Promise<void> {
  expect(await open(dataDir)).toMatchObject({ exitCode: 0, stderr: '' });
  // With the raw events among them, so they pass the audit as the whole ones do.
  expect(await tablesOf(dataDir)).toEqual(whole.tables);
}

test(
  'without state everything is recomputed from the log: the same tables, zero differing rows',
  async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'state'), { recursive: true });
    await expectRecomputed(dataDir);
    expect(await auditOf(dataDir)).toEqual(AUDIT_ZERO);
    expect(readdirSync(dataDir).toSorted()).toEqual(['clickhouse', 'log', 'node.json', 'state']);
    // What comes afterwards wins over every row of before, because the fencing epoch has not gone back.
    expect(await open(dataDir, newEvent('{"event":"click"'))).toMatchObject({ exitCode: 0 });
    expect(await differencesOf(dataDir)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'a recomputation that is killed begins again and ends with the same tables',
  async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'state'), { recursive: true });
    const { child, finished } = startWeir(['start', '--data-dir', dataDir], {
      WEIR_HTTP_PORT: '18160',
      WEIR_LOG_LEVEL: 'warn',
    });
    child.stderr?.on('data', (text: string) => {
      if (text.includes('recomputed from the log')) child.kill('SIGKILL');
    });
    expect(await finished).toMatchObject({ signal: 'SIGKILL' });
    expect(readdirSync(dataDir)).toContain('recomputing');
    await expectRecomputed(dataDir);
    expect(readdirSync(dataDir)).not.toContain('recomputing');
  },
  TIMEOUT_MS,
);

test(
  'tables that are gone are missed, and come back when the state is moved away too',
  async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'clickhouse'), { recursive: true });
    for (let start = 1; start <= 2; start += 1) {
      const { exitCode, stderr } = await open(dataDir);
      expect({ exitCode, stderr }).toEqual({
        exitCode: 5,
        stderr: expect.stringContaining('RESULTS_LOST: '),
      });
    }
    renameSync(join(dataDir, 'state'), join(dataDir, 'old-state'));
    await expectRecomputed(dataDir);
  },
  TIMEOUT_MS,
);

test(
  'a log that no longer begins with its first record cannot replace the state, and nothing is changed',
  async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'state'), { recursive: true });
    const log = EmbeddedLog.open(join(dataDir, 'log'), () => Date.now());
    let removed = 0;
    const topics: readonly Topic[] = Object.values(TOPIC_OF_EVENT);
    for (const topic of topics) {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        removed += await log.trim(topic, partition, {
          beforeMs: Date.now() + 1,
          nextOffset: Infinity,
        });
      }
    }
    await log.close();
    expect(removed).toBeGreaterThan(0);
    const { exitCode, stderr } = await open(dataDir);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 5,
      stderr: expect.stringMatching(/^STATE_LOST: .*Restore the state/),
    });
    expect(await tablesOf(dataDir)).toEqual(whole.tables);
  },
  TIMEOUT_MS,
);

test(
  'a log that ends before what the state has read is refused',
  async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'log'), { recursive: true });
    const { exitCode, stderr } = await open(dataDir);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 5,
      stderr: expect.stringMatching(/^LOG_OFFSET_OUT_OF_RANGE: .*Restore/),
    });
  },
  TIMEOUT_MS,
);

test(
  'an old copy of the state catches up with log and tables',
  async () => {
    const half = Math.floor(whole.lines.length / 2);
    const dataDir = join(temporaryDirectory(), 'data');
    expect(await open(dataDir, ...whole.lines.slice(0, half))).toMatchObject({ exitCode: 0 });
    cpSync(join(dataDir, 'state'), join(dataDir, 'copy'), { recursive: true });
    expect(await open(dataDir, ...whole.lines.slice(half))).toMatchObject({ exitCode: 0 });
    rmSync(join(dataDir, 'state'), { recursive: true });
    renameSync(join(dataDir, 'copy'), join(dataDir, 'state'));
    await expectRecomputed(dataDir);
  },
  TIMEOUT_MS,
);

test(
  'a checkpoint whose last page was torn gives way to the one before it',
  async () => {
    const dataDir = copy();
    const [even = 0, , odd = 0] = tearNewestTransaction(fileOf(dataDir, 'state'));
    expect(Math.abs(even - odd)).toBe(1);
    await expectRecomputed(dataDir);
  },
  TIMEOUT_MS,
);

const DAMAGES: readonly {
  readonly what: string;
  readonly code: string;
  readonly damage: (dataDir: string) => unknown;
  /** An event that makes the engine look at what is damaged. */
  readonly event?: string;
  /** Whether the log is whole, so that everything can be recomputed from it. */
  readonly isLogWhole: boolean;
}[] = [
  {
    what: 'a flipped bit in a batch of the log',
    code: 'LOG_BATCH_DAMAGED',
    damage: (dataDir) => {
      const [, eventId = ''] = /"event_id":"([^"]+)"/.exec(whole.lines.at(-1) ?? '') ?? [];
      expect(flipWherever(fileOf(dataDir, 'log'), Buffer.from(eventId))).toBeGreaterThan(0);
      // So that the batch is read again.
      rmSync(join(dataDir, 'state'), { recursive: true });
    },
    isLogWhole: false,
  },
  {
    what: 'a log file that was cut short',
    code: 'LOG_BATCH_DAMAGED',
    damage: (dataDir) => truncateSync(fileOf(dataDir, 'log'), 200_000),
    isLogWhole: false,
  },
  {
    what: 'a log file with another first page',
    code: 'LOG_BATCH_DAMAGED',
    damage: (dataDir) => overwriteStart(fileOf(dataDir, 'log')),
    isLogWhole: false,
  },
  {
    what: 'a flipped bit in the offsets of a task',
    code: 'STATE_DAMAGED',
    damage: async (dataDir) => expect(await flipValues(dataDir, 'm/task/visitor-0')).toBe(1),
    isLogWhole: true,
  },
  {
    what: 'a flipped bit in the state of every key',
    code: 'STATE_DAMAGED',
    damage: async (dataDir) => expect(await flipValues(dataDir, 's/')).toBeGreaterThan(0),
    event: '{"event":"inventory"',
    isLogWhole: true,
  },
  {
    what: 'a flipped bit in every window sum',
    code: 'STATE_DAMAGED',
    damage: async (dataDir) => expect(await flipValues(dataDir, 'w/')).toBeGreaterThan(0),
    event: '{"event":"click"',
    isLogWhole: true,
  },
  {
    what: 'a state file that was cut short',
    code: 'STATE_DAMAGED',
    damage: (dataDir) => truncateSync(fileOf(dataDir, 'state'), 100_000),
    isLogWhole: true,
  },
  {
    what: 'a state file with another first page',
    code: 'STATE_DAMAGED',
    damage: (dataDir) => overwriteStart(fileOf(dataDir, 'state')),
    isLogWhole: true,
  },
  ...[-1, 1].map((difference) => ({
    what: difference < 0 ? 'a checkpoint of an earlier format' : 'a checkpoint of a later format',
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    damage: async (dataDir: string) => {
      const store = LmdbStore.open(join(dataDir, 'state'));
      const node: unknown = unpack(store.get('m/node') ?? Buffer.alloc(0));
      expect(node).toMatchObject({ format: CHECKPOINT_FORMAT });
      const format = CHECKPOINT_FORMAT + difference;
      await store.commit([{ key: 'm/node', value: pack({ ...Object(node), format }) }]);
      await store.close();
    },
    isLogWhole: true,
  })),
];

function overwriteStart(file: string): void {
  const content = readFileSync(file);
  content.fill(0xa5, 0, 200);
  writeFileSync(file, content);
}

test.each(DAMAGES)(
  '$what is refused with $code and exit code 5',
  async ({ code, damage, event, isLogWhole }) => {
    const dataDir = copy();
    await damage(dataDir);
    const { exitCode, signal, stderr } = await open(
      dataDir,
      ...(event === undefined ? [] : [newEvent(event)]),
    );
    expect({ exitCode, signal, stderr }).toEqual({
      exitCode: 5,
      signal: null,
      stderr: expect.stringContaining(`${code}: `),
    });
    expect(stderr.includes('recomputed from the log')).toBe(isLogWhole);
    if (event === undefined) return;
    rmSync(join(dataDir, 'state'), { recursive: true });
    expect(await open(dataDir)).toMatchObject({ exitCode: 0, stderr: '' });
    // The event that came upon the damage is in the log, and counts now.
    expect(await tablesOf(dataDir)).not.toEqual(whole.tables);
    expect(await differencesOf(dataDir)).toEqual([]);
  },
  TIMEOUT_MS,
);

test.each([
  ['is missing', (file: string) => rmSync(file)],
  ['is cut short', (file: string) => truncateSync(file, 20)],
])(
  'a data directory whose secret %s is refused, because every visitor would be a new one',
  async (_, damage) => {
    const dataDir = join(temporaryDirectory(), 'data');
    const events = join(temporaryDirectory(), 'events.ndjson');
    writeFileSync(events, `${newEvent('{"event":"click"')}\n`);
    // Without the secret that the other tests configure.
    const importEvents = () =>
      startWeir(['import', 'ndjson', events, '--data-dir', dataDir], { WEIR_TOKENS_SECRET: '' })
        .finished;
    expect(await importEvents()).toMatchObject({ exitCode: 0, stderr: '' });
    const file = join(dataDir, 'tokens.secret');
    const secret = readFileSync(file);
    damage(file);
    const { exitCode, stderr } = await importEvents();
    expect({ exitCode, stderr }).toEqual({
      exitCode: 5,
      stderr: expect.stringMatching(/^TOKENS_SECRET_LOST: .*Restore/),
    });
    writeFileSync(file, secret);
    expect(await importEvents()).toMatchObject({ exitCode: 0, stderr: '' });
  },
  TIMEOUT_MS,
);

test.each([
  ['with its state', false],
  ['without its state', true],
])(
  'a data directory %s is refused with another number of partitions',
  async (_, isStateGone) => {
    const dataDir = copy();
    if (isStateGone) rmSync(join(dataDir, 'state'), { recursive: true });
    const { exitCode, stderr } = await startWeir(['start', '--data-dir', dataDir], {
      WEIR_PARTITIONS: '5',
      WEIR_HTTP_PORT: '18160',
    }).finished;
    expect({ exitCode, stderr }).toEqual({
      exitCode: 3,
      stderr: expect.stringContaining('LOG_PARTITION_COUNT_CHANGED: '),
    });
    expect(await tablesOf(dataDir)).toEqual(whole.tables);
  },
  TIMEOUT_MS,
);
