import { giveBack } from '../schemas/give-back.ts';
import type { Row, UpdateBatch } from '../schemas/panel.ts';
import type {
  Assignment,
  Decision,
  EnginePort,
  EventCounts,
  IngestAnswer,
  PipelineStatus,
  QueryParameter,
  Refusal,
} from '../schemas/ports.ts';
import { type EventType, TOPIC_OF_EVENT, type Topic } from '../schemas/topics.ts';
import { acknowledgement } from './acknowledgement.ts';
import { auditEngine } from './audit-engine.ts';
import type { BackgroundAudit } from './background-audit.ts';
import type { Config } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { decisionRecord } from './decision-record.ts';
import { type PackedBatch, unpacked } from './door-in-thread.ts';
import { type Door, type DoorSettings, createDoor } from './door/door.ts';
import { type Tokeniser, createTokeniser } from './door/tokeniser.ts';
import type { AppendBatch, Log } from './engine/log/log.ts';
import { addCounts, noCounts, unaccountedOf } from './engine/runtime/counts.ts';
import { Engine } from './engine/runtime/engine.ts';
import { identityCounts } from './engine/runtime/identities.ts';
import { EngineLoop } from './engine/runtime/loop.ts';
import { stageOf } from './engine/runtime/stages.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { migrate } from './engine/sink/migrate.ts';
import { SqlReader } from './engine/sink/sql-reader.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import { type Logger, createLogger } from './engine/telemetry/log.ts';
import { Metrics } from './engine/telemetry/metrics.ts';
import type { Clock } from './engine/time/clock.ts';
import { collectByGrowth } from './garbage-collection.ts';
import { IngestGate } from './ingest-gate.ts';
import { assignmentsOf, liftTestsOf, recordTests } from './lift-tests.ts';
import { limitsOf } from './limits.ts';
import { observedEvents, refreshMetrics } from './observe.ts';
import { openClickHouse } from './open-clickhouse.ts';
import { openLog } from './open-log.ts';
import { preloadRows } from './preload.ts';
import { checkFiles, finishRecomputation, recover } from './recovery.ts';
import { createProcessors, migrationsOf, processorsOff, viewsOf } from './registry.ts';
import { finiteOrNull, taskStatuses } from './task-status.ts';

/** How long a start waits for deliveries of the process before it. */
const RESUME_MS_MAX = 15_000;
/** How long a stop goes on reading: Ctrl-C is answered within five seconds. */
const SETTLE_MS_MAX = 2_000;
/** How often the log learns how far we are: old records leave it, or Kafka's copy of our offsets moves. */
const TRIM_INTERVAL_MS = 10_000;

/** Everything of one machine in one process: log, engine and ClickHouse, where they are not elsewhere. */
export class Embedded implements EnginePort {
  readonly logger: Logger;
  /** The embedded ClickHouse for statements of people; where there is a server they ask that. */
  readonly sql: SqlReader;
  /** What a door in another thread is opened with; it appends through `appendPacked`. */
  readonly doorSettings: DoorSettings;
  readonly #config: Config;
  readonly #dataDir: DataDir;
  readonly #log: Log;
  readonly #store: LmdbStore;
  readonly #clickHouse: ClickHouse;
  readonly #engine: Engine;
  readonly #loop: EngineLoop;
  readonly #metrics: Metrics;
  readonly #gate: IngestGate;
  readonly #door: Door;
  readonly #tokeniser: Tokeniser;
  readonly #clock: Clock;
  readonly #audit: BackgroundAudit;
  readonly #listeners = new Set<(batch: UpdateBatch) => void>();
  #isClosing = false;
  #trimTimer: NodeJS.Timeout;

  private constructor(parts: {
    readonly config: Config;
    readonly dataDir: DataDir;
    readonly log: Log;
    readonly store: LmdbStore;
    readonly clickHouse: ClickHouse;
    readonly engine: Engine;
    readonly metrics: Metrics;
    readonly logger: Logger;
    readonly onDefect: (error: unknown) => void;
  }) {
    this.#config = parts.config;
    this.#dataDir = parts.dataDir;
    this.#log = parts.log;
    this.#store = parts.store;
    this.#clickHouse = parts.clickHouse;
    this.sql = new SqlReader(parts.dataDir.clickHousePath);
    this.#engine = parts.engine;
    this.#metrics = parts.metrics;
    this.logger = parts.logger;
    this.#clock = systemClock;
    this.#audit = auditEngine(parts);
    this.#tokeniser = createTokeniser(parts.dataDir.secret);
    this.doorSettings = {
      tokenSecret: parts.dataDir.secret,
      partitionCounts: { visitor: parts.config.partitions, sku: parts.config.partitions },
      clockSkewMs: parts.config.lateness.clock_skew,
    };
    this.#gate = new IngestGate(parts.log, parts.config.ingest.max_backlog_records);
    this.#door = createDoor({
      ...this.doorSettings,
      tokeniser: this.#tokeniser,
      clock: () => this.#clock.nowMs(),
      append: (batches) => this.#append(batches),
    });
    this.#loop = new EngineLoop({
      engine: parts.engine,
      log: parts.log,
      clock: this.#clock,
      liveTickMs: parts.config.windows.live_tick,
      onUpdates: (batch) => {
        for (const listener of this.#listeners) listener(batch);
      },
      onDefect: parts.onDefect,
    });
    this.#trimTimer = setInterval(() => void this.#trim(), TRIM_INTERVAL_MS).unref();
  }

  /**
   * Opens the data directory, brings the tables up to date, goes on from the last checkpoint and
   * starts processing.
   *
   * @param onDefect called once when processing cannot go on; the process should end
   * @throws {EngineError} DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, CLICKHOUSE_NOT_INSTALLED, CLICKHOUSE_REFUSED,
   *   KAFKA_REFUSED, LOG_PARTITION_COUNT_CHANGED, STATE_DAMAGED, CHECKPOINT_DAMAGED, CHECKPOINT_FORMAT_UNKNOWN,
   *   LOG_BATCH_DAMAGED, LOG_OFFSET_OUT_OF_RANGE, LIFT_TEST_CHANGED, STATE_LOST, RESULTS_LOST, TOKENS_SECRET_LOST
   */
  static async open(config: Config, onDefect: (error: unknown) => void): Promise<Embedded> {
    const logger = createLogger(config.log_level);
    const dataDir = openDataDir(config.data_dir, config.tokens.secret);
    try {
      const declared = createProcessors(config);
      const { clickHouse, hasTables } = await openClickHouse(config, dataDir);
      const short = checkFiles(dataDir, hasTables);
      await migrate(clickHouse, migrationsOf(declared), viewsOf(declared));
      const recorded = await recordTests(clickHouse, config, systemClock.nowMs());
      const processors = createProcessors(recorded);
      const log = await openLog(config, dataDir, logger);
      const store = LmdbStore.open(dataDir.statePath);
      const { epochMin, rememberedIds } = await recover(dataDir, {
        log,
        store,
        clickHouse,
        processors,
        partitions: config.partitions,
        short,
      });
      collectByGrowth();
      const limits = limitsOf(config);
      const metrics = new Metrics();
      const engine = await Engine.open({
        node: 'local',
        epochMin,
        processors,
        log,
        store,
        sink: clickHouse,
        clock: systemClock,
        limits: {
          ...limits,
          deduplicationIdsMax: Math.max(limits.deduplicationIdsMax, rememberedIds ?? 0),
        },
        partitions: config.partitions,
        events: observedEvents(metrics, logger),
      });
      await engine.outbox.idle(RESUME_MS_MAX);
      await preloadRows(engine, clickHouse, processors);
      const embedded = new Embedded({
        config: recorded,
        dataDir,
        log,
        store,
        clickHouse,
        engine,
        metrics,
        logger,
        onDefect,
      });
      embedded.#loop.start();
      if (rememberedIds !== undefined) embedded.#recompute();
      logger.info({ dataDir: dataDir.path, partitions: config.partitions }, 'Engine started');
      return embedded;
    } catch (error) {
      dataDir.release();
      throw error;
    }
  }

  async ingest(
    type: EventType,
    events: readonly unknown[],
    options = {},
  ): ReturnType<EnginePort['ingest']> {
    const answer = await this.#door.ingest(type, events, options);
    this.countAnswer(type, answer);
    return answer;
  }

  /** Makes what a door in another thread has let in durable, and gives its bytes back. */
  async appendPacked(batches: readonly PackedBatch[]): Promise<void> {
    await this.#append(batches.map(unpacked));
    for (const { bytes } of batches) giveBack(bytes);
  }

  /** Counts what a door has answered. */
  countAnswer(type: EventType, answer: IngestAnswer): void {
    this.#metrics.ingestAccepted.inc({ event: type }, answer.accepted);
    for (const { code } of answer.rejected) this.#metrics.ingestRejected.inc({ code });
  }

  /** Closes an import of history: nothing more of it will come, and the watermark may move on. */
  async endImport(importName: string): Promise<void> {
    await this.#log.append(this.#importEnds(Object.values(TOPIC_OF_EVENT), importName));
    // What the visitor stage forwards to others must lie before the end of the import there.
    await this.drain();
    const forwarded: readonly Topic[] = ['weir.internal.address', 'weir.internal.sku'];
    await this.#log.append(this.#importEnds(forwarded, importName));
    await this.drain();
  }

  /** Resolves when everything in the log is processed, durable and acknowledged by ClickHouse. */
  drain(): Promise<void> {
    return this.#loop.drain();
  }

  refusal(bodyBytes = 0): Refusal | undefined {
    return this.#gate.refusal(bodyBytes, () =>
      taskStatuses(this.#engine, this.#log).reduce((sum, task) => sum + task.lag_records, 0),
    );
  }

  query(
    sql: string,
    parameters: Readonly<Record<string, QueryParameter>> = {},
  ): Promise<readonly Row[]> {
    return this.#clickHouse.query(sql, parameters);
  }

  subscribe(listener: (batch: UpdateBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  current(table: string, sinceMs: number): UpdateBatch {
    return { updates: this.#engine.current(table, sinceMs), newestEventMs: 0, newestAppendedMs: 0 };
  }

  async acknowledge(alert: {
    readonly alertId: string;
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  }): Promise<void> {
    await this.#append([
      acknowledgement(alert, {
        nowMs: this.#clock.nowMs(),
        partitions: this.#config.partitions,
      }),
    ]);
  }

  async decide(decision: Decision): Promise<void> {
    await this.#append([decisionRecord(decision, this.#clock.nowMs())]);
  }

  assignments(visitorId: string): readonly Assignment[] {
    const tests = liftTestsOf(this.#config);
    return assignmentsOf(tests, this.visitorToken(visitorId), this.#clock.nowMs());
  }

  /** What stands for a visitor id in every table: the key of its holdouts. */
  visitorToken(visitorId: string): string {
    return this.#tokeniser.token('visitor', visitorId);
  }

  status(): PipelineStatus {
    const { outbox } = this.#engine;
    const checkpoint = this.#engine.checkpointStatus;
    const tasks = taskStatuses(this.#engine, this.#log);
    const problems: string[] = [];
    const refusal = this.refusal();
    if (refusal !== undefined) problems.push(refusal.message);
    if (!outbox.isHealthy)
      problems.push(
        `ClickHouse does not acknowledge: ${outbox.pendingRows} rows wait, none is lost`,
      );
    return {
      mode: 'embedded',
      ready: problems.length === 0,
      problems,
      watermark: finiteOrNull(this.#engine.watermarkMs),
      allowed_lateness_ms: this.#config.lateness.allowed,
      processors_off: processorsOff(this.#config),
      counts: this.#engine.counts(),
      unaccounted: tasks.reduce((sum, { counts }) => sum + unaccountedOf(counts), 0),
      tasks,
      checkpoint: {
        sequence: checkpoint.sequence,
        age_ms: checkpoint.ageMs,
        duration_ms: checkpoint.durationMs,
      },
      sink: { pending_rows: outbox.pendingRows, healthy: outbox.isHealthy },
      audit: this.#audit.status,
      identities: identityCounts(this.#engine.tasks),
    };
  }

  /** Counts of one topic over all tasks. */
  countsOf(topic: Topic): EventCounts {
    const total = noCounts();
    for (const task of this.#engine.tasks) {
      for (const input of task.inputs()) if (input.topic === topic) addCounts(total, input.counts);
    }
    return total;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly body: string }> {
    refreshMetrics(this.#metrics, [this.#engine], this.status(), this.#clock.nowMs());
    return {
      contentType: this.#metrics.registry.contentType,
      body: await this.#metrics.registry.metrics(),
    };
  }

  /** Stops reading, writes a last checkpoint, delivers what it can and gives the data directory up. */
  async close(): Promise<void> {
    clearInterval(this.#trimTimer);
    this.#isClosing = true;
    this.#gate.close();
    await this.#settle();
    await Promise.all([this.#audit.stop(), this.#loop.stop()]);
    await this.#engine.outbox.close();
    await this.#store.close();
    await this.#log.close();
    await this.sql.close();
    await this.#clickHouse.close();
    this.#dataDir.release();
    this.logger.info('Engine stopped');
  }

  /**
   * Lets the stages take what they have sent each other, so that what is left agrees with itself; a
   * long backlog is left to the next start.
   */
  async #settle(): Promise<void> {
    const waited = new AbortController();
    // What keeps it from draining is told by the stop that follows.
    const drained = this.drain().catch(() => undefined);
    await Promise.race([drained, this.#clock.sleep(SETTLE_MS_MAX, waited.signal)]);
    waited.abort();
  }

  /** The tasks read the log from its start; a stop before they are through makes the next start begin again. */
  #recompute(): void {
    this.logger.warn('The state is gone: everything is recomputed from the log');
    void this.drain().then(() => {
      if (this.#isClosing) return;
      finishRecomputation(this.#dataDir);
      this.logger.info('Everything is recomputed from the log');
    });
  }

  async #append(batches: readonly AppendBatch[]): Promise<void> {
    try {
      await this.#log.append(batches);
    } catch (error) {
      this.#gate.appendFailed(error);
      throw error;
    }
  }

  #importEnds(topics: readonly Topic[], importName: string): readonly AppendBatch[] {
    return topics.flatMap((topic) =>
      Array.from(
        { length: stageOf(topic) === 'control' ? 1 : this.#config.partitions },
        (_, partition) => ({ topic, partition, values: [], importName, endsImport: true }),
      ),
    );
  }

  async #trim(): Promise<void> {
    const beforeMs = this.#clock.nowMs() - this.#config.retention.log;
    for (const task of this.#engine.tasks) {
      for (const { topic, nextOffset } of task.durableInputs()) {
        await this.#log.trim(topic, task.partition, { beforeMs, nextOffset });
      }
    }
  }
}
