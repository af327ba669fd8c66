import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { erase } from '../schemas/brand.ts';
import { EngineError } from '../schemas/errors.ts';
import { TOPICS_OF_STAGE, type Topic } from '../schemas/topics.ts';
import { type DataDir, writeDurably } from './data-dir.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import type { Log } from './engine/log/log.ts';
import type { Processor } from './engine/operator/processor.ts';
import { storedNode } from './engine/runtime/node-record.ts';
import { STAGES } from './engine/runtime/stages.ts';
import { storedTask } from './engine/runtime/task-record.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { ENGINE_TABLES } from './engine/sink/engine-tables.ts';
import type { Store } from './engine/state/store.ts';
import { checkLmdbFile } from './lmdb-file.ts';

/*
 * The log is the truth: when the state is lost, everything is recomputed from it. These are the
 * steps around that, and the checks that the parts of a data directory belong together.
 */

/** Exists while a recomputation is under way: a process that finds it begins that again. */
const UNFINISHED = 'recomputing';
/** What must outlive the state, which may be lost or restored: the highest fencing epoch, and the partitions. */
const NODE = 'node.json';

const NODE_FORMAT = 1;

interface KeptNode {
  readonly format: typeof NODE_FORMAT;
  readonly epoch: number;
  readonly partitions: number;
}

/** Whether a file was shorter than it must be; everything in it is then read once. */
interface ShortFiles {
  readonly log: boolean;
  readonly state: boolean;
}

/** The parts of a data directory that must fit together. */
interface Parts {
  readonly log: Log;
  readonly store: Store;
  readonly clickHouse: ClickHouse;
  readonly processors: readonly Processor[];
  readonly partitions: number;
}

/**
 * Checks the files of a data directory before log and state are opened or made in it, and removes the
 * state of a recomputation that did not come to its end.
 *
 * @param hasTables whether ClickHouse held our tables when it was opened; they are made before any state
 * @throws {EngineError} LOG_BATCH_DAMAGED, STATE_DAMAGED
 * @throws {EngineError} RESULTS_LOST when there is state and the tables that belong to it are gone
 */
export function checkFiles(dataDir: DataDir, hasTables: boolean): ShortFiles {
  if (existsSync(join(dataDir.path, UNFINISHED)))
    rmSync(dataDir.statePath, { recursive: true, force: true });
  if (existsSync(join(dataDir.statePath, 'data.mdb')) && !hasTables) throw resultsLost(dataDir);
  return {
    log: checkLmdbFile(join(dataDir.logPath, 'data.mdb'), {
      code: 'LOG_BATCH_DAMAGED',
      remedy: 'Restore the data directory from a backup',
    }),
    state: checkLmdbFile(join(dataDir.statePath, 'data.mdb'), {
      code: 'STATE_DAMAGED',
      remedy: `Move ${dataDir.statePath} away and start again: everything is recomputed from the log`,
    }),
  };
}

/**
 * Makes the opened parts of a data directory ready for an engine.
 *
 * @returns the fencing epoch to start with; and while everything is recomputed from the log, how many
 *   event ids a task must remember: call `finishRecomputation` when the log is processed
 * @throws {EngineError} LOG_BATCH_DAMAGED, STATE_DAMAGED, LOG_PARTITION_COUNT_CHANGED, STATE_LOST,
 *   LOG_OFFSET_OUT_OF_RANGE
 */
export async function recover(
  dataDir: DataDir,
  parts: Parts & { readonly short: ShortFiles },
): Promise<{ readonly epochMin: number; readonly rememberedIds: number | undefined }> {
  const { log, store, partitions, short } = parts;
  if (short.log) readWholeLog(log, partitions);
  if (short.state) readWholeStore(store);
  const epochMin = takeEpoch(dataDir, parts);
  // A topic of Kafka may have had other readers before, and begin anywhere.
  const rememberedIds = log instanceof EmbeddedLog ? await reconcile(dataDir, parts) : undefined;
  return { epochMin, rememberedIds };
}

/**
 * Checks that log, state and ClickHouse belong together. When there is a log and no state, empties
 * the tables, so that everything is recomputed from the log.
 *
 * @returns how many event ids a task must remember while everything is recomputed, or undefined when
 *   nothing is; call `finishRecomputation` when the log is processed
 * @throws {EngineError} STATE_LOST when the log does not reach back far enough to recompute it
 * @throws {EngineError} LOG_OFFSET_OUT_OF_RANGE when the log ends before what was taken from it
 */
async function reconcile(dataDir: DataDir, parts: Parts): Promise<number | undefined> {
  const { log, store, clickHouse, processors } = parts;
  const inputs = inputsOf(parts);
  if (storedNode(store) !== undefined) {
    checkOffsets(inputs, parts);
    return undefined;
  }
  if (inputs.every(({ topic, partition }) => log.endOffset(topic, partition) === 0))
    return undefined;
  for (const { topic, partition } of inputs) {
    const startOffset = log.startOffset(topic, partition);
    if (startOffset > 0) throw stateLost(dataDir, `${topic}/${partition} begins at ${startOffset}`);
  }
  writeDurably(join(dataDir.path, UNFINISHED), 'The state is being recomputed from the log.\n');
  const tables = [...ENGINE_TABLES, ...processors.flatMap((processor) => processor.tables)];
  for (const { name } of tables) {
    await clickHouse.command(`TRUNCATE TABLE ${clickHouse.database}.${name}`);
  }
  // What the stages forward is in the log already and comes again: it is known by its ids alone.
  return (
    Math.max(...inputs.map(({ topic, partition }) => log.endOffset(topic, partition))) *
    IDS_PER_RECORD
  );
}

/** A task has at most four inputs, and the forwarded ones come twice. */
const IDS_PER_RECORD = 5;

/** The log was processed to its end: a later start goes on instead of beginning again. */
export function finishRecomputation(dataDir: DataDir): void {
  rmSync(join(dataDir.path, UNFINISHED), { force: true });
}

/**
 * A fencing epoch above all that were used in this data directory, also by a state that is lost or was
 * replaced by an older copy. Durable before it is returned.
 *
 * @throws {EngineError} LOG_PARTITION_COUNT_CHANGED
 */
function takeEpoch(
  dataDir: DataDir,
  { store, partitions }: Pick<Parts, 'store' | 'partitions'>,
): number {
  const file = join(dataDir.path, NODE);
  const kept = existsSync(file) ? keptNode(file) : undefined;
  if (kept !== undefined && kept.partitions !== partitions) {
    throw new EngineError({
      code: 'LOG_PARTITION_COUNT_CHANGED',
      kind: 'fatal',
      message:
        `Expected partitions: ${kept.partitions}, with which this data directory was made, got ${partitions}. ` +
        'Keys would move to other tasks; use a new data directory and import into it',
    });
  }
  const epoch = Math.max(kept?.epoch ?? 0, storedNode(store)?.epoch ?? 0) + 1;
  writeDurably(
    file,
    `${JSON.stringify({ format: NODE_FORMAT, epoch, partitions } satisfies KeptNode)}\n`,
  );
  return epoch;
}

function keptNode(file: string): KeptNode {
  try {
    const kept = erase<KeptNode>(JSON.parse(readFileSync(file, 'utf8')));
    if (
      kept.format === NODE_FORMAT &&
      Number.isSafeInteger(kept.epoch) &&
      Number.isSafeInteger(kept.partitions)
    )
      return kept;
  } catch {
    // Told below, like a number that is none.
  }
  throw new EngineError({
    code: 'CHECKPOINT_DAMAGED',
    kind: 'fatal',
    message: `Expected format ${NODE_FORMAT}, epoch and partitions in ${file}, but it is damaged or of another version. Delete it, unless the state is an old copy: then restore both from one backup`,
  });
}

/** Reads everything in the store once, after its file was found too short. */
function readWholeStore(store: Store): void {
  for (const { key } of store.range({ start: '!', end: '~' })) store.get(key);
}

/** Reads every record of the log once, after its file was found too short. */
function readWholeLog(log: Log, partitions: number): void {
  for (const { topic, partition } of partitionsOf(partitions)) {
    const end = log.endOffset(topic, partition);
    for (let offset = log.startOffset(topic, partition); offset < end;) {
      const batch = log.read(topic, partition, offset);
      if (batch === undefined) break;
      offset = batch.nextOffset;
    }
  }
}

interface Input {
  readonly topic: Topic;
  readonly partition: number;
  /** Up to where the last checkpoint covers it. */
  readonly takenTo: number;
}

function partitionsOf(
  partitions: number,
): readonly { readonly task: string; readonly topic: Topic; readonly partition: number }[] {
  return STAGES.flatMap((stage) =>
    Array.from({ length: stage === 'control' ? 1 : partitions }, (_, partition) =>
      TOPICS_OF_STAGE[stage].map((topic) => ({ task: `${stage}-${partition}`, topic, partition })),
    ).flat(),
  );
}

function inputsOf({ store, partitions }: Parts): readonly Input[] {
  return partitionsOf(partitions).map(({ task, topic, partition }) => {
    const input = storedTask(store, task)?.inputs.find((each) => each.topic === topic);
    return { topic, partition, takenTo: input?.nextOffset ?? 0 };
  });
}

function checkOffsets(inputs: readonly Input[], { log }: Parts): void {
  for (const { topic, partition, takenTo } of inputs) {
    const endOffset = log.endOffset(topic, partition);
    if (takenTo <= endOffset) continue;
    throw new EngineError({
      code: 'LOG_OFFSET_OUT_OF_RANGE',
      kind: 'fatal',
      message:
        `Expected the log of ${topic}/${partition} to reach offset ${takenTo}, up to which the state has read it, ` +
        `but it ends at ${endOffset}: events are gone from the log. Restore log and state from the same backup`,
      details: { topic, partition, offset: takenTo },
    });
  }
}

function stateLost(dataDir: DataDir, what: string): EngineError {
  return new EngineError({
    code: 'STATE_LOST',
    kind: 'fatal',
    message:
      `Expected state in ${dataDir.statePath}, or a log from offset 0 to recompute it from, but ${what}: ` +
      'older records have left it (retention.log). Restore the state from a backup, or start with a new data directory',
  });
}

function resultsLost(dataDir: DataDir): EngineError {
  return new EngineError({
    code: 'RESULTS_LOST',
    kind: 'fatal',
    message:
      `Expected the tables that belong to the state, but ${dataDir.clickHousePath}, or the server at clickhouse.url, ` +
      `has none. Restore them from a backup, or move ${dataDir.statePath} away too: then everything is recomputed from the log`,
  });
}
