import { rmSync } from 'node:fs';
import { join } from 'node:path';

import PQueue from 'p-queue';

import type { PipelineStatus } from '../schemas/ports.ts';
import { SECOND_MS } from '../schemas/time.ts';
import { alertsTopic, encodeAlerts, ensureAlertsTopic } from './alerts-topic.ts';
import { beginAgain } from './begin-again.ts';
import { clusterParts } from './cluster.ts';
import type { Config } from './config.ts';
import { type DataDir, openDataDir } from './data-dir.ts';
import { KafkaChangelog } from './engine/log/kafka-changelog.ts';
import { type KafkaSettings, kafkaClients } from './engine/log/kafka-client.ts';
import { KafkaUpdatesOut, ensureUpdatesTopic, updatesTopic } from './engine/log/kafka-updates.ts';
import { KafkaWriter } from './engine/log/kafka-writer.ts';
import { KafkaLog } from './engine/log/kafka.ts';
import {
  OwnedPartition,
  type PartitionParts,
  type UpdatesOut,
} from './engine/runtime/owned-partition.ts';
import { CHANGELOG_TOMBSTONES_MS, type LocalFiles } from './engine/runtime/restore.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import { encodeMessage, encodeUpdates } from './engine/runtime/update-message.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { migrate } from './engine/sink/migrate.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import { type Logger, createLogger } from './engine/telemetry/log.ts';
import { Metrics } from './engine/telemetry/metrics.ts';
import { collectByGrowth, collectYoungOften } from './garbage-collection.ts';
import { recordTests } from './lift-tests.ts';
import { limitsOfPartition } from './limits.ts';
import { checkLmdbFile } from './lmdb-file.ts';
import { observedEvents, refreshMetrics } from './observe.ts';
import { kafkaLogOptions, messageBytesMax } from './open-log.ts';
import { partitionStatus, pipelineStatus } from './partition-status.ts';
import { createProcessors, migrationsOf, viewsOf } from './registry.ts';

/** How often the log learns how far we are, as a copy for whoever watches the group. */
const TRIM_INTERVAL_MS = 10 * SECOND_MS;
/** While one waits for Kafka another writes to disk. */
const RESTORES_AT_ONCE = 2;
/** How often api nodes hear how each partition is doing. */
const STATUS_INTERVAL_MS = SECOND_MS;

/**
 * One of several processes that share a group's partitions: runs an engine for each partition that
 * the group gives it, and hands it over when the group gives it to another.
 */
export class ProcessorNode {
  readonly logger: Logger;
  readonly #config: Config;
  readonly #dataDir: DataDir;
  readonly #clickHouse: ClickHouse;
  readonly #log: KafkaLog;
  readonly #changelog: KafkaChangelog;
  readonly #writer: KafkaWriter;
  readonly #parts: PartitionParts;
  readonly #outs = new Map<number, KafkaUpdatesOut>();
  readonly #metrics: Metrics;
  readonly #onDefect: (error: unknown) => void;
  readonly #owned = new Map<number, OwnedPartition>();
  /** Partitions that are being given up. */
  readonly #closing = new Map<number, Promise<void>>();
  readonly #timers: readonly NodeJS.Timeout[];
  /** Whether the group has dealt out its partitions since the start: until then nobody may take us for ready. */
  #hasJoined = false;
  #isClosed = false;

  private constructor(parts: {
    readonly config: Config;
    readonly dataDir: DataDir;
    readonly clickHouse: ClickHouse;
    readonly settings: KafkaSettings;
    readonly log: KafkaLog;
    readonly changelog: KafkaChangelog;
    readonly logger: Logger;
    readonly onDefect: (error: unknown) => void;
  }) {
    const { config, log, logger, settings } = parts;
    this.#config = config;
    this.#dataDir = parts.dataDir;
    this.#clickHouse = parts.clickHouse;
    this.#log = log;
    this.#changelog = parts.changelog;
    this.#writer = new KafkaWriter(kafkaClients(settings));
    this.logger = logger;
    this.#onDefect = parts.onDefect;
    this.#metrics = new Metrics();
    collectByGrowth();
    collectYoungOften();
    const processors = createProcessors(config);
    this.#parts = {
      processors,
      log,
      sink: parts.clickHouse,
      clock: systemClock,
      limits: limitsOfPartition(config),
      partitions: config.partitions,
      events: observedEvents(this.#metrics, logger),
      changelog: parts.changelog,
      files: (partition) => localFiles(join(parts.dataDir.statePath, String(partition))),
      updates: (partition) => this.#updatesOut(partition, settings.clientId),
      liveTickMs: config.windows.live_tick,
      restores: new PQueue({ concurrency: RESTORES_AT_ONCE }),
      logger,
      beginAgain: (partition, partitionLog) =>
        beginAgain({ partition, log: partitionLog, clickHouse: parts.clickHouse, processors }),
    };
    log.onAppend(() => {
      for (const owned of this.#owned.values()) owned.running?.log.tell();
    });
    this.#timers = [
      setInterval(() => void this.#trim(), TRIM_INTERVAL_MS),
      setInterval(() => this.#sendStatus(), STATUS_INTERVAL_MS),
    ];
  }

  /**
   * Joins the group, brings the tables up to date, and processes what it is given.
   *
   * @param onDefect called when processing cannot go on; the process should end
   * @throws {EngineError} CONFIG_INVALID, DATA_DIR_LOCKED, DATA_DIR_UNUSABLE, CLICKHOUSE_REFUSED,
   *   CLICKHOUSE_UNAVAILABLE, KAFKA_REFUSED, LIFT_TEST_CHANGED, LOG_PARTITION_COUNT_CHANGED
   */
  static async open(given: Config, onDefect: (error: unknown) => void): Promise<ProcessorNode> {
    const { settings, clickHouse, secret } = clusterParts(given);
    const logger = createLogger(given.log_level);
    const dataDir = openDataDir(given.data_dir, secret);
    /** What is open already; connections would keep the process from ending. */
    const opened: { close(): Promise<void> }[] = [clickHouse];
    try {
      const declared = createProcessors(given);
      await migrate(clickHouse, migrationsOf(declared), viewsOf(declared));
      const config = await recordTests(clickHouse, given, systemClock.nowMs());
      /** What was dealt out before there was a node to take it. */
      const early: (readonly number[])[] = [];
      let assign = (partitions: readonly number[]): void => {
        early.push(partitions);
      };
      const log = await KafkaLog.open({
        ...kafkaLogOptions(config, dataDir.secret),
        settings,
        logger,
        onAssigned: (partitions) => assign(partitions),
      });
      opened.push(log);
      const topic = {
        settings,
        partitions: config.partitions,
        messageBytesMax: messageBytesMax(config),
        logger,
      };
      await ensureUpdatesTopic(topic);
      await ensureAlertsTopic(topic);
      const changelog = await KafkaChangelog.open({
        ...topic,
        tombstonesMs: CHANGELOG_TOMBSTONES_MS,
      });
      opened.push(changelog);
      const node = new ProcessorNode({
        config,
        dataDir,
        clickHouse,
        settings,
        log,
        changelog,
        logger,
        onDefect,
      });
      assign = (partitions) => node.assign(partitions);
      for (const partitions of early.slice(-1)) node.assign(partitions);
      logger.info({ dataDir: dataDir.path }, 'Processor started');
      return node;
    } catch (error) {
      for (const each of opened.toReversed()) await each.close().catch(() => undefined);
      dataDir.release();
      throw error;
    }
  }

  /** Partitions that are being processed now, in order. */
  get partitions(): readonly number[] {
    return this.#running.map(({ partition }) => partition).toSorted((a, b) => a - b);
  }

  status(): PipelineStatus {
    const nowMs = systemClock.nowMs();
    const statuses = this.#running.map(({ partition, engine }) =>
      partitionStatus(partition, { engine, log: this.#log, config: this.#config, nowMs }),
    );
    const restoring = [...this.#owned.values()].filter(({ running }) => running === undefined);
    const problem = this.#log.problem();
    return pipelineStatus(statuses, {
      config: this.#config,
      problems: [
        ...(problem === undefined ? [] : [problem]),
        ...(this.#hasJoined ? [] : ['The group has not dealt out its partitions yet']),
        ...restoring.map(({ partition }) => `Partition ${partition} is being restored`),
      ],
    });
  }

  async metrics(): Promise<{ readonly contentType: string; readonly body: string }> {
    const engines = this.#running.map(({ engine }) => engine);
    refreshMetrics(this.#metrics, engines, this.status(), systemClock.nowMs());
    return {
      contentType: this.#metrics.registry.contentType,
      body: await this.#metrics.registry.metrics(),
    };
  }

  /** Writes last checkpoints, leaves the group and gives the data directory up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([...this.#owned.values()].map((owned) => owned.close({ isOwn: true })));
    await Promise.all(this.#closing.values());
    await this.#log.close();
    await this.#changelog.close();
    await this.#writer.close();
    await this.#clickHouse.close();
    this.#dataDir.release();
    this.logger.info('Processor stopped');
  }

  /** The group has dealt its partitions out: these belong to this process, and no others. */
  assign(partitions: readonly number[]): void {
    if (this.#isClosed) return;
    this.#hasJoined = true;
    const given = new Set(partitions);
    this.logger.info({ partitions: [...given].toSorted((a, b) => a - b) }, 'Partitions assigned');
    for (const [partition, owned] of this.#owned) {
      if (given.has(partition)) {
        owned.confirm();
        continue;
      }
      this.#owned.delete(partition);
      const closed = owned.close({ isOwn: false });
      this.#closing.set(partition, closed);
      void closed.then(() => {
        if (this.#closing.get(partition) === closed) this.#closing.delete(partition);
      });
    }
    for (const partition of given) {
      if (this.#owned.has(partition)) continue;
      this.#owned.set(
        partition,
        new OwnedPartition({
          partition,
          parts: this.#parts,
          onDefect: this.#onDefect,
          after: this.#closing.get(partition) ?? Promise.resolve(),
        }),
      );
    }
  }

  get #running() {
    return [...this.#owned.values()].flatMap(({ partition, running }) =>
      running === undefined ? [] : [{ partition, ...running }],
    );
  }

  #updatesOut(partition: number, clientId: string): UpdatesOut {
    const writer = this.#writer;
    const out = new KafkaUpdatesOut({ writer, topic: updatesTopic(clientId), partition });
    const alerts = new KafkaUpdatesOut({ writer, topic: alertsTopic(clientId), partition });
    this.#outs.set(partition, out);
    return {
      get hasRoom() {
        return out.hasRoom && alerts.hasRoom;
      },
      send: (batch, epoch) => {
        out.append(encodeUpdates(batch, { partition, epoch }));
        alerts.append(encodeAlerts(batch, epoch));
      },
      flushed: async () => {
        await Promise.all([out.flushed(), alerts.flushed()]);
      },
      close: () => {
        out.close();
        alerts.close();
      },
    };
  }

  #sendStatus(): void {
    const nowMs = systemClock.nowMs();
    for (const { partition, engine } of this.#running) {
      const status = partitionStatus(partition, {
        engine,
        log: this.#log,
        config: this.#config,
        nowMs,
      });
      const { epoch } = engine;
      const out = this.#outs.get(partition);
      if (out?.hasRoom !== true) continue;
      out.append([encodeMessage({ format: 1, partition, epoch, kind: 'status', status })]);
    }
  }

  async #trim(): Promise<void> {
    for (const { engine } of this.#running) {
      for (const task of engine.tasks) {
        for (const { topic, nextOffset } of task.durableInputs())
          await this.#log.trim(topic, task.partition, { beforeMs: 0, nextOffset });
      }
    }
  }
}

/** The copy of one partition's state on this machine. */
function localFiles(directory: string): LocalFiles {
  return {
    open: () => {
      checkLmdbFile(join(directory, 'data.mdb'), {
        code: 'STATE_DAMAGED',
        remedy: 'The partition is restored from its changelog',
      });
      return LmdbStore.open(directory);
    },
    wipe: () => rmSync(directory, { recursive: true, force: true }),
  };
}
