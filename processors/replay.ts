import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { EngineError } from '../schemas/errors.ts';
import { isActOfPerson } from '../schemas/events/sku-event.ts';
import { DAY_MS } from '../schemas/time.ts';
import { TOPICS_OF_STAGE, type Topic } from '../schemas/topics.ts';
import type { Config } from './config.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import { type TakenTo, readInternalPast } from './engine/log/internal-past.ts';
import type { Log } from './engine/log/log.ts';
import { ReplayLog } from './engine/log/replay.ts';
import type { Processor } from './engine/operator/processor.ts';
import type { EngineLimits } from './engine/runtime/engine-limits.ts';
import type { EngineEvents } from './engine/runtime/engine-options.ts';
import { Engine } from './engine/runtime/engine.ts';
import { EngineLoop } from './engine/runtime/loop.ts';
import { storedNode } from './engine/runtime/node-record.ts';
import { storedDeliveries } from './engine/runtime/outbox.ts';
import { STAGES, stageOf } from './engine/runtime/stages.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import type { LatenessRule } from './engine/runtime/task-options.ts';
import { storedTask } from './engine/runtime/task-record.ts';
import { type ClickHouse, LIVE_DATABASE } from './engine/sink/clickhouse.ts';
import { ENGINE_TABLES, PROGRESS } from './engine/sink/engine-tables.ts';
import { forLayout } from './engine/sink/layout.ts';
import { migrate, requireOwnSchema } from './engine/sink/migrate.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import type { Store } from './engine/state/store.ts';
import { LIFT_TESTS_LOG } from './lift-tests.ts';
import { limitsOf } from './limits.ts';
import { createProcessors, migrationsOf, viewsOf } from './registry.ts';
import type { StoppedData } from './stopped.ts';
import { type TableDifference, tableDifference } from './table-differences.ts';

/** What to recompute, and where to put it. */
export interface ReplayOptions {
  /** Letters, digits and underscores; names the database, see `sandboxDatabase`. */
  readonly sandbox: string;
  /** Whether a sandbox of this name may be overwritten. */
  readonly isReplacing: boolean;
  /** What is compared: [fromMs, toMs) in event time. The whole retained log is read in any case. */
  readonly fromMs: number;
  readonly toMs: number;
  /** `live`: an event is too late if it was when it came. `own`: the configuration decides anew. */
  readonly lateness: 'live' | 'own';
  /** Told now and then how many of the records are done. */
  readonly onProgress?: (records: { readonly done: number; readonly total: number }) => void;
}

export interface ReplayResult {
  /** Database that holds what was recomputed. */
  readonly database: string;
  readonly lateness: 'live' | 'own';
  /** Events of users that were read. */
  readonly events: number;
  /**
   * When the log took the oldest record it still has, UTC milliseconds, if older ones have left it:
   * what depends on those differs. Null when the log is whole.
   */
  readonly log_trimmed_before: number | null;
  readonly tables: readonly TableDifference[];
}

/**
 * How much longer than live the recomputation keeps state. Live may have taken an event because one of
 * its inputs lagged and held the watermark back; here no input lags, and its state must still be there.
 */
const HELD_MS = 7 * DAY_MS;

/** Comparing reads whole tables. */
const COMPARE_SECONDS_MAX = 3_600;
/** Rows that one query for late events returns. */
const LATE_PAGE_ROWS = 100_000;
const PROGRESS_INTERVAL_MS = 250;

/** The database of a sandbox, or undefined when it cannot have this name. */
export function sandboxDatabase(name: string): string | undefined {
  return /^\w{1,64}$/.test(name) ? `${LIVE_DATABASE}_sandbox_${name}` : undefined;
}

/**
 * Recomputes everything from the retained log into a sandbox database with `data.config`, and compares
 * it with what is live. The log and the live database are read, never written.
 *
 * @throws {EngineError} REPLAY_SANDBOX_EXISTS, REPLAY_LIVE_UNFINISHED, REPLAY_LOG_ELSEWHERE,
 *   LOG_PARTITION_COUNT_CHANGED, CLICKHOUSE_SCHEMA_NEWER, CLICKHOUSE_MIGRATION_CHANGED
 */
export async function replay(data: StoppedData, options: ReplayOptions): Promise<ReplayResult> {
  const { config, dataDir, clickHouse } = data;
  if (config.kafka.brokers !== undefined) {
    throw new EngineError({
      code: 'REPLAY_LOG_ELSEWHERE',
      kind: 'fatal',
      message: 'Expected the log in the data directory, got one in Kafka (kafka.brokers)',
    });
  }
  const processors = createProcessors(config);
  const takenTo = await finishedLive(dataDir.statePath, config);
  await requireOwnSchema(clickHouse, migrationsOf(processors));
  const sandbox = await openSandbox(clickHouse, processors, options);
  const source = EmbeddedLog.open(dataDir.logPath, () => systemClock.nowMs());
  const workPath = join(dataDir.path, 'replay');
  // What a replay that was cut off has left behind.
  rmSync(workPath, { recursive: true, force: true });
  try {
    const isLate = options.lateness === 'own' ? undefined : await lateAsLive(clickHouse);
    const events = await recompute({
      config,
      processors,
      source,
      takenTo,
      isLate,
      sandbox,
      workPath,
      onProgress: options.onProgress,
    });
    for (const table of [PROGRESS.name, LIFT_TESTS_LOG]) {
      await sandbox.command(
        `INSERT INTO ${sandbox.database}.${table} SELECT * FROM ${LIVE_DATABASE}.${table}`,
      );
    }
    return {
      database: sandbox.database,
      lateness: options.lateness,
      events,
      log_trimmed_before: trimmedBefore(source, config.partitions),
      tables: await differences(sandbox, processors, options),
    };
  } finally {
    await source.close();
    await sandbox.close();
    rmSync(workPath, { recursive: true, force: true });
  }
}

/**
 * How far live has come in each topic.
 *
 * @throws {EngineError} REPLAY_LIVE_UNFINISHED when rows of what it has taken are not delivered
 */
async function finishedLive(statePath: string, config: Config): Promise<TakenTo> {
  const store = existsSync(statePath) ? LmdbStore.open(statePath) : undefined;
  try {
    const node = store === undefined ? undefined : storedNode(store);
    if (store === undefined || node === undefined) {
      throw unfinished('a data directory in which Weir has run', 'one without a checkpoint');
    }
    if (node.partitions !== config.partitions) {
      throw new EngineError({
        code: 'LOG_PARTITION_COUNT_CHANGED',
        kind: 'fatal',
        message: `Expected partitions: ${node.partitions}, with which the log was written, got ${config.partitions}`,
      });
    }
    let undelivered = 0;
    for (const { delivery } of storedDeliveries(store)) {
      // Where live stands is no result.
      if (delivery.kind === 'append' || delivery.insert.table !== PROGRESS.name) undelivered += 1;
    }
    if (undelivered > 0) {
      throw unfinished('all results of live in ClickHouse', `${undelivered} deliveries that wait`);
    }
    return takenBy(store, config.partitions);
  } finally {
    await store?.close();
  }
}

function unfinished(expected: string, got: string): EngineError {
  return new EngineError({
    code: 'REPLAY_LIVE_UNFINISHED',
    kind: 'fatal',
    message: `Expected ${expected}, got ${got}. Start Weir, let it catch up, stop it, and replay again`,
  });
}

function takenBy(store: Store, partitions: number): TakenTo {
  const offsets = new Map<string, number>();
  for (const stage of STAGES) {
    for (let partition = 0; partition < partitions; partition += 1) {
      for (const { topic, nextOffset } of storedTask(store, `${stage}-${partition}`)?.inputs ??
        []) {
        offsets.set(`${topic}/${partition}`, nextOffset);
      }
    }
  }
  return (topic, partition) => offsets.get(`${topic}/${partition}`) ?? 0;
}

async function openSandbox(
  clickHouse: ClickHouse,
  processors: readonly Processor[],
  { sandbox: name, isReplacing }: ReplayOptions,
): Promise<ClickHouse> {
  const database = sandboxDatabase(name);
  if (database === undefined) {
    throw new RangeError('Expected a sandbox named by letters, digits and underscores');
  }
  const [found] = await clickHouse.query(
    'SELECT count() AS databases FROM system.databases WHERE name = {database:String}',
    { database },
  );
  if (found?.['databases'] !== 0 && !isReplacing) {
    throw new EngineError({
      code: 'REPLAY_SANDBOX_EXISTS',
      kind: 'fatal',
      message: `Expected a new sandbox, got ${name}, which is there already. Take another name, or overwrite it with --replace`,
    });
  }
  const sandbox = clickHouse.inDatabase(database);
  try {
    await sandbox.command(forLayout(`DROP DATABASE IF EXISTS ${database} SYNC`, sandbox.layout));
    await migrate(sandbox, migrationsOf(processors), viewsOf(processors));
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

/** An event is too late exactly if it was too late for live. */
async function lateAsLive(clickHouse: ClickHouse): Promise<LatenessRule> {
  const late = new Set<string>();
  let after = { topic: '', event_id: '' };
  for (;;) {
    const rows = await clickHouse.query(
      `SELECT DISTINCT toString(topic) AS topic, event_id FROM ${LIVE_DATABASE}.late_events_log
       WHERE (topic, event_id) > ({topic:String}, {event_id:String})
       ORDER BY topic, event_id LIMIT ${LATE_PAGE_ROWS}`,
      after,
    );
    for (const row of rows) {
      after = { topic: String(row['topic']), event_id: String(row['event_id']) };
      late.add(lateKey(after.topic, after.event_id));
    }
    if (rows.length < LATE_PAGE_ROWS) break;
  }
  return (topic, eventId) => late.has(lateKey(topic, eventId));
}

function lateKey(topic: string, eventId: string): string {
  return `${topic} ${eventId}`;
}

/** Runs every stage over the log to its end and returns how many events of users it has read. */
async function recompute(options: {
  readonly config: Config;
  readonly processors: readonly Processor[];
  readonly source: Log;
  readonly takenTo: TakenTo;
  readonly isLate: LatenessRule | undefined;
  readonly sandbox: ClickHouse;
  /** Directory for state and forwarded records. */
  readonly workPath: string;
  readonly onProgress: ReplayOptions['onProgress'];
}): Promise<number> {
  const { config, source, takenTo, sandbox, workPath, isLate } = options;
  const log = new ReplayLog({
    source,
    forwarded: EmbeddedLog.open(join(workPath, 'log'), () => systemClock.nowMs()),
    takenTo,
    past: readInternalPast({
      log: source,
      partitions: config.partitions,
      takenTo,
      isOriginal: isActOfPerson,
    }),
    held: TOPICS_OF_STAGE.sku,
  });
  const store = LmdbStore.open(join(workPath, 'state'));
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const engine = await Engine.open({
    node: 'replay',
    processors: options.processors,
    log,
    store,
    sink: {
      // Where the recomputation stands is no result; the sandbox gets live's progress at the end.
      insert: (insert) =>
        insert.table === PROGRESS.name ? Promise.resolve() : sandbox.insert(insert),
    },
    clock: systemClock,
    limits: replayLimits(config, isLate),
    partitions: config.partitions,
    events: replayEvents(fail),
    ...(isLate === undefined ? {} : { isLate }),
  });
  const loop = new EngineLoop({
    engine,
    log,
    clock: systemClock,
    liveTickMs: config.windows.live_tick,
    onUpdates: () => undefined,
    onDefect: fail,
  });
  const progress = setInterval(() => tellProgress(engine, log, options), PROGRESS_INTERVAL_MS);
  loop.start();
  try {
    await Promise.race([loop.drain(), failed]);
    await log.release();
    await Promise.race([loop.drain(), failed]);
    tellProgress(engine, log, options);
    return engine.counts().received;
  } finally {
    clearInterval(progress);
    await loop.stop().catch(() => undefined);
    await engine.outbox.close();
    await store.close();
    await log.close();
  }
}

/** No input of a log that is whole is waited for: at its end an input is idle at once. */
function replayLimits(config: Config, isLate: LatenessRule | undefined): EngineLimits {
  const limits = limitsOf(config);
  const heldMs = isLate === undefined ? 0 : HELD_MS;
  return { ...limits, idleTimeoutMs: 0, outOfOrdernessMs: limits.outOfOrdernessMs + heldMs };
}

/** A delivery that fails for good ends the replay: nobody waits to mend a sandbox. */
function replayEvents(fail: (error: unknown) => void): EngineEvents {
  return {
    onCount: () => undefined,
    onPoison: () => undefined,
    onCheckpoint: () => undefined,
    onCheckpointFailed: fail,
    onDelivered: () => undefined,
    onRetry: ({ error }) => {
      if (error.kind !== 'transient') fail(error);
    },
  };
}

function tellProgress(
  engine: Engine,
  log: ReplayLog,
  {
    takenTo,
    onProgress,
  }: { readonly takenTo: TakenTo; readonly onProgress: ReplayOptions['onProgress'] },
): void {
  if (onProgress === undefined) return;
  let done = 0;
  let total = 0;
  for (const task of engine.tasks) {
    for (const { topic, nextOffset } of task.inputs()) {
      done += nextOffset;
      total += Math.max(takenTo(topic, task.partition), log.endOffset(topic, task.partition));
    }
  }
  onProgress({ done: Math.min(done, total), total });
}

/** When the log took the oldest record that any trimmed partition still has, null when none is trimmed. */
function trimmedBefore(log: Log, partitions: number): number | null {
  let beforeMs: number | null = null;
  const topics: readonly Topic[] = STAGES.flatMap((stage) => TOPICS_OF_STAGE[stage]);
  for (const topic of topics) {
    for (
      let partition = 0;
      partition < (stageOf(topic) === 'control' ? 1 : partitions);
      partition += 1
    ) {
      const start = log.startOffset(topic, partition);
      if (start === 0) continue;
      const oldest = log.read(topic, partition, start);
      if (oldest !== undefined) beforeMs = Math.max(beforeMs ?? 0, oldest.appendedAtMs);
    }
  }
  return beforeMs;
}

async function differences(
  sandbox: ClickHouse,
  processors: readonly Processor[],
  { fromMs, toMs }: ReplayOptions,
): Promise<readonly TableDifference[]> {
  const tables = [
    ...processors.flatMap(({ isOff, tables: own }) =>
      isOff === true ? [] : own.filter((table) => table.kind === 'rows' || table.isTrail !== true),
    ),
    ...ENGINE_TABLES.filter((table) => table !== PROGRESS),
  ];
  const results: TableDifference[] = [];
  for (const table of tables) {
    const comparison = { live: LIVE_DATABASE, sandbox: sandbox.database, fromMs, toMs };
    results.push(
      await tableDifference(
        (sql, parameters) => sandbox.query(sql, parameters, { secondsMax: COMPARE_SECONDS_MAX }),
        table,
        comparison,
      ),
    );
  }
  return results;
}
