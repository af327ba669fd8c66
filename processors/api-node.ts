import { EngineError } from '../schemas/errors.ts';
import type { Row, UpdateBatch } from '../schemas/panel.ts';
import type {
  Assignment,
  Decision,
  EnginePort,
  IngestOptions,
  PipelineStatus,
  QueryParameter,
  Refusal,
} from '../schemas/ports.ts';
import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import type { EventType } from '../schemas/topics.ts';
import { acknowledgement } from './acknowledgement.ts';
import { type ClusterParts, clusterParts } from './cluster.ts';
import type { Config } from './config.ts';
import { decisionRecord } from './decision-record.ts';
import { type Door, createDoor } from './door/door.ts';
import { type Tokeniser, createTokeniser } from './door/tokeniser.ts';
import { kafkaClients } from './engine/log/kafka-client.ts';
import { prepareLogTopics } from './engine/log/kafka-prepare.ts';
import { KafkaUpdatesReader } from './engine/log/kafka-updates-reader.ts';
import { ensureUpdatesTopic } from './engine/log/kafka-updates.ts';
import { KafkaWriter } from './engine/log/kafka-writer.ts';
import type { AppendBatch } from './engine/log/log.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import { type PartitionStatus, decodeMessage } from './engine/runtime/update-message.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { migrate } from './engine/sink/migrate.ts';
import { type Logger, createLogger } from './engine/telemetry/log.ts';
import { Metrics } from './engine/telemetry/metrics.ts';
import { HeapPressure } from './heap-pressure.ts';
import { memoryRefusal } from './ingest-gate.ts';
import { assignmentsOf, liftTestsOf, recordTests } from './lift-tests.ts';
import { LiveRows } from './live-rows.ts';
import { messageBytesMax, topicPlan } from './open-log.ts';
import { PANELS } from './panels.ts';
import { pipelineStatus } from './partition-status.ts';
import { createProcessors, migrationsOf, viewsOf } from './registry.ts';
import { storedUpdates } from './stored-updates.ts';

/** How much of the updates topic a start reads: longer than ClickHouse lags behind, unless it is away. */
const UPDATES_READ_MS = 10 * MINUTE_MS;
/** A partition that has said nothing for this long has no process: one that dies is replaced sooner. */
const SILENT_MS = 20 * SECOND_MS;
/** How long the door stays shut after a broker did not answer. */
const REFUSED_MS = 2 * SECOND_MS;

/** What is known of a partition. */
interface Partition {
  epoch: number;
  status: PartitionStatus | undefined;
}

/**
 * What the api needs, in a process without processors: events go to Kafka, reads to ClickHouse, and
 * what changes comes from the updates topic. It keeps nothing that another such process cannot read
 * again.
 */
export class ApiNode implements EnginePort {
  readonly logger: Logger;
  readonly #config: Config;
  readonly #clickHouse: ClickHouse;
  readonly #writer: KafkaWriter;
  readonly #updates: KafkaUpdatesReader;
  readonly #door: Door;
  readonly #tokeniser: Tokeniser;
  readonly #metrics = new Metrics();
  readonly #heap = new HeapPressure();
  readonly #rows: LiveRows;
  readonly #partitions = new Map<number, Partition>();
  readonly #listeners = new Set<(batch: UpdateBatch) => void>();
  readonly #timer: NodeJS.Timeout;
  #watermarkMs: number | null = null;
  #refusedUntilMs = 0;
  #refusal = '';

  private constructor(parts: {
    readonly config: Config;
    readonly cluster: ClusterParts;
    readonly updates: KafkaUpdatesReader;
    readonly rows: LiveRows;
    readonly logger: Logger;
  }) {
    const { config, cluster } = parts;
    this.#config = config;
    this.#clickHouse = cluster.clickHouse;
    this.#writer = new KafkaWriter(kafkaClients(cluster.settings));
    this.#updates = parts.updates;
    this.#rows = parts.rows;
    this.logger = parts.logger;
    this.#tokeniser = createTokeniser(Buffer.from(cluster.secret, 'utf8'));
    this.#door = createDoor({
      tokeniser: this.#tokeniser,
      partitionCounts: { visitor: config.partitions, sku: config.partitions },
      clockSkewMs: config.lateness.clock_skew,
      clock: () => systemClock.nowMs(),
      append: (batches) => this.#append(batches),
    });
    this.#timer = setInterval(() => this.#rows.prune(this.#watermarkMs ?? 0), MINUTE_MS).unref();
  }

  /**
   * Creates what is missing, reads what viewers begin with, and follows the updates topic.
   *
   * @throws {EngineError} CONFIG_INVALID, CLICKHOUSE_REFUSED, CLICKHOUSE_UNAVAILABLE, KAFKA_REFUSED,
   *   LIFT_TEST_CHANGED, LOG_PARTITION_COUNT_CHANGED
   */
  static async open(given: Config): Promise<ApiNode> {
    const cluster = clusterParts(given);
    try {
      return await ApiNode.#openWith(given, cluster);
    } catch (error) {
      // Its connections would keep the process from ending.
      await cluster.clickHouse.close();
      throw error;
    }
  }

  static async #openWith(given: Config, cluster: ClusterParts): Promise<ApiNode> {
    const { settings, clickHouse } = cluster;
    const logger = createLogger(given.log_level);
    const declared = createProcessors(given);
    await migrate(clickHouse, migrationsOf(declared), viewsOf(declared));
    const config = await recordTests(clickHouse, given, systemClock.nowMs());
    const processors = createProcessors(config);
    await prepareLogTopics({ settings, plan: topicPlan(config), logger });
    const topic = {
      settings,
      partitions: config.partitions,
      messageBytesMax: messageBytesMax(config),
      logger,
    };
    await ensureUpdatesTopic(topic);
    // What was published before this moment is in ClickHouse, or among the updates since.
    const sinceMs = systemClock.nowMs() - UPDATES_READ_MS;
    const updates = await KafkaUpdatesReader.open({ ...topic, sinceMs });
    const rows = new LiveRows(PANELS);
    const [progress] = await clickHouse.query(
      'SELECT toUnixTimestamp64Milli(watermark) AS watermark_ms FROM weir.progress',
    );
    const watermarkMs = Number(progress?.['watermark_ms'] ?? 0) || null;
    rows.take(await storedUpdates({ clickHouse, processors, panels: PANELS, watermarkMs }));
    const node = new ApiNode({ config, cluster, updates, rows, logger });
    node.#watermarkMs = watermarkMs;
    await updates.start((message) => node.#take(message));
    logger.info({ partitions: config.partitions }, 'Api started');
    return node;
  }

  async ingest(
    type: EventType,
    events: readonly unknown[],
    options: IngestOptions = {},
  ): ReturnType<EnginePort['ingest']> {
    const answer = await this.#door.ingest(type, events, options);
    this.#metrics.ingestAccepted.inc({ event: type }, answer.accepted);
    for (const { code } of answer.rejected) this.#metrics.ingestRejected.inc({ code });
    return answer;
  }

  refusal(bodyBytes = 0): Refusal | undefined {
    const ofMemory = memoryRefusal(this.#heap, bodyBytes);
    if (ofMemory !== undefined) return ofMemory;
    if (systemClock.nowMs() < this.#refusedUntilMs) {
      return {
        status: 503,
        code: 'KAFKA_UNREACHABLE',
        message: this.#refusal,
        retryAfterSeconds: Math.ceil(REFUSED_MS / SECOND_MS),
      };
    }
    const { max_backlog_records: recordsMax } = this.#config.ingest;
    const lagRecords = this.#statuses
      .flatMap(({ tasks }) => tasks)
      .reduce((sum, task) => sum + task.lag_records, 0);
    if (lagRecords < recordsMax) return undefined;
    return {
      status: 429,
      code: 'INGEST_BACKLOG',
      message: `${lagRecords} records wait to be processed, ingest.max_backlog_records is ${recordsMax}`,
      retryAfterSeconds: 5,
    };
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
    return { updates: this.#rows.current(table, sinceMs), newestEventMs: 0, newestAppendedMs: 0 };
  }

  async acknowledge(alert: {
    readonly alertId: string;
    readonly entityKey: string;
    readonly nodeId: string;
    readonly actor: string;
  }): Promise<void> {
    await this.#append([
      acknowledgement(alert, { nowMs: systemClock.nowMs(), partitions: this.#config.partitions }),
    ]);
  }

  async decide(decision: Decision): Promise<void> {
    await this.#append([decisionRecord(decision, systemClock.nowMs())]);
  }

  assignments(visitorId: string): readonly Assignment[] {
    const token = this.#tokeniser.token('visitor', visitorId);
    return assignmentsOf(liftTestsOf(this.#config), token, systemClock.nowMs());
  }

  status(): PipelineStatus {
    const nowMs = systemClock.nowMs();
    const { partitions } = this.#config;
    const silent = Array.from({ length: partitions }, (_, partition) => partition).filter(
      (partition) => {
        const sentAtMs = this.#partitions.get(partition)?.status?.sentAtMs ?? 0;
        return nowMs - sentAtMs > SILENT_MS;
      },
    );
    const refusal = this.refusal();
    const status = pipelineStatus(this.#statuses, {
      config: this.#config,
      problems: [
        ...(refusal === undefined ? [] : [refusal.message]),
        ...(silent.length === 0
          ? []
          : [`No processor has partition ${silent.join(', ')} (weir processor)`]),
      ],
    });
    // A partition that wakes up may be behind the others; what was said does not go back.
    if (status.watermark !== null && status.watermark > (this.#watermarkMs ?? -Infinity))
      this.#watermarkMs = status.watermark;
    return { ...status, watermark: this.#watermarkMs };
  }

  async metrics(): Promise<{ readonly contentType: string; readonly body: string }> {
    return {
      contentType: this.#metrics.registry.contentType,
      body: await this.#metrics.registry.metrics(),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#heap.close();
    await this.#updates.close();
    await this.#writer.close();
    await this.#clickHouse.close();
    this.logger.info('Api stopped');
  }

  get #statuses(): readonly PartitionStatus[] {
    return [...this.#partitions.values()].flatMap(({ status }) =>
      status === undefined ? [] : [status],
    );
  }

  #take(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    const partition = this.#partitions.get(message.partition) ?? { epoch: 0, status: undefined };
    this.#partitions.set(message.partition, partition);
    // Of a process that has lost the partition and does not know it yet.
    if (message.epoch < partition.epoch) return;
    partition.epoch = message.epoch;
    if (message.kind === 'status') {
      partition.status = message.status;
      return;
    }
    const batch = { ...message.batch, updates: this.#rows.take(message.batch.updates) };
    for (const listener of this.#listeners) listener(batch);
  }

  async #append(batches: readonly AppendBatch[]): Promise<void> {
    try {
      await this.#writer.append(batches, () => undefined);
    } catch (error) {
      if (error instanceof EngineError) {
        this.#refusedUntilMs = systemClock.nowMs() + REFUSED_MS;
        this.#refusal = error.message;
      }
      throw error;
    }
  }
}
