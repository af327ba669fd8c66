import { pack, unpack } from 'msgpackr';
import { erase } from '../../../schemas/brand.ts';
import { EngineError, messageOf } from '../../../schemas/errors.ts';
import { decodeEvent } from '../../../schemas/events/wire.ts';
import type { EventCounts } from '../../../schemas/ports.ts';
import { DAY_MS } from '../../../schemas/time.ts';
import { type EventOfTopic, KEY_OF_TOPIC, type Stage, TOPICS_OF_STAGE, type Topic } from '../../../schemas/topics.ts';
import type { Log, RecordBatch } from '../log/log.ts';
import { Deduplicator } from '../operator/deduplicate.ts';
import { hashBytes } from '../operator/fingerprint.ts';
import type { Operator } from '../operator/operator.ts';
import type { SumsTable, Table } from '../operator/table.ts';
import { rowKey, WindowSums } from '../operator/window-sums.ts';
import { DEAD_LETTERS, LATE_EVENTS } from '../sink/engine-tables.ts';
import { KeyedState, type Layout } from '../state/keyed-state.ts';
import { endOfPrefix, type Store, type Write } from '../state/store.ts';
import { Watermark } from '../time/watermark.ts';
import { TaskOutput } from './task-output.ts';

/** What a task needs to know of the configuration. */
export interface TaskLimits {
  readonly outOfOrdernessMs: number;
  readonly idleTimeoutMs: number;
  readonly allowedLatenessMs: number;
  readonly clockSkewMs: number;
  /** Keys of one task kept in each of the two generations in memory. */
  readonly cachedKeysMax: number;
  /** Window rows of one table and task kept in memory. */
  readonly cachedRowsMax: number;
  /** Event ids that one task remembers. */
  readonly deduplicationIdsMax: number;
}

export interface TaskOptions {
  readonly stage: Stage;
  readonly partition: number;
  readonly operators: readonly Operator[];
  readonly tables: readonly Table[];
  readonly layouts: readonly Layout[];
  readonly log: Log;
  readonly store: Store;
  readonly limits: TaskLimits;
  readonly partitionCount: (topic: Topic) => number;
  /** An operator counted something it could not use; `code` is from the operator's list. */
  readonly onCount: (code: string) => void;
  readonly nowMs: number;
}

/** Mutable form of `EventCounts`. */
export type TopicCounts = { -readonly [Name in keyof EventCounts]: number };

interface Input {
  readonly topic: Topic;
  nextOffset: number;
  /** The batch being read, and the record in it that comes next. */
  batch: RecordBatch | undefined;
  counts: TopicCounts;
}

/** What a checkpoint holds of a task, apart from keyed state and sums. */
interface TaskRecord {
  readonly inputs: readonly { readonly topic: Topic; readonly nextOffset: number; readonly counts: EventCounts }[];
  readonly watermarkMs: number;
  readonly newestEventMs: readonly number[];
  readonly deduplicationChunks: readonly { readonly chunk: number; readonly idCount: number }[];
  readonly imports: readonly ActiveImport[];
}

/** An import of history that has begun in this task and not ended in all its inputs. */
interface ActiveImport {
  readonly name: string;
  newestEventMs: number;
  endedInputs: number[];
}

/** One record of a batch. */
interface RecordPlace {
  readonly batch: RecordBatch;
  readonly at: number;
}

const IN_FUTURE = {
  code: 'EVENT_TIME_IN_FUTURE',
  message: 'Expected an event time up to the clock plus its skew limit',
};
const CONFLICT = {
  code: 'EVENT_ID_CONFLICT',
  message: 'Expected the same body as the event that came first with this id',
};

type Apply = (state: unknown, event: object, output: TaskOutput, record: object) => void;

const ID_BYTES = 12;
/** Stored keys that one checkpoint looks at for expiry, so that a sweep never holds the task for long. */
const SWEEP_KEYS_MAX = 500;
/** Longest code and message that a dead letter keeps. */
const DEAD_LETTER_MESSAGE_LENGTH_MAX = 500;

/**
 * One partition of one stage: reads its inputs in offset order, and for each record decodes, checks
 * the time, deduplicates, looks the key's state up once and calls every operator. Owns all state of
 * its partition. Synchronous but for nothing: the engine decides when to step and when to commit.
 */
export class Task {
  readonly name: string;
  readonly stage: Stage;
  readonly partition: number;
  readonly output: TaskOutput;
  readonly sums: readonly WindowSums[];
  /** Newest event time and append time among the records taken since the last publication. */
  newestEventMs = 0;
  newestAppendedMs = 0;
  readonly #options: TaskOptions;
  readonly #state: KeyedState;
  readonly #deduplicator: Deduplicator;
  readonly #watermark: Watermark;
  readonly #inputs: readonly Input[];
  readonly #apply: ReadonlyMap<Topic, readonly { readonly slot: number; readonly apply: Apply }[]>;
  readonly #record = { topic: '', partition: 0, offset: 0, appendedAtMs: 0, watermarkMs: -Infinity };
  #imports: ActiveImport[] = [];
  #deduplicationChunks: { chunk: number; idCount: number }[] = [];
  #isChanged = false;
  #sweepAfter: string | undefined;
  #collectedWatermarkMs = -Infinity;
  #collectedOffsets: ReadonlyMap<Topic, number> = new Map();
  #durableOffsets: ReadonlyMap<Topic, number> = new Map();
  /** Offsets whose record made an operator throw; they become dead letters. */
  readonly #poison: ReadonlyMap<string, string>;

  constructor(options: TaskOptions, poison: ReadonlyMap<string, string>) {
    this.#options = options;
    this.#poison = poison;
    this.stage = options.stage;
    this.partition = options.partition;
    this.name = `${options.stage}-${options.partition}`;
    this.sums = options.tables.filter(isSumsTable).map(
      (table) =>
        new WindowSums({
          table,
          allowedLatenessMs: options.limits.allowedLatenessMs,
          load: (key) => this.#loadSums(table, key),
        }),
    );
    this.output = new TaskOutput({
      sums: this.sums,
      partitionCount: options.partitionCount,
      onCount: options.onCount,
    });
    this.#state = new KeyedState({
      prefix: `s/${this.name}/`,
      store: options.store,
      operators: options.operators,
      layouts: options.layouts,
      entriesMax: options.limits.cachedKeysMax,
    });
    this.#deduplicator = new Deduplicator({ idsMax: options.limits.deduplicationIdsMax });
    const topics: readonly Topic[] = TOPICS_OF_STAGE[options.stage];
    this.#watermark = new Watermark({
      inputCount: topics.length,
      outOfOrdernessMs: options.limits.outOfOrdernessMs,
      idleTimeoutMs: options.limits.idleTimeoutMs,
      startedAtMs: options.nowMs,
    });
    this.#inputs = topics.map((topic) => ({ topic, nextOffset: 0, batch: undefined, counts: noCounts() }));
    this.#apply = new Map(topics.map((topic) => [topic, appliersOf(topic, options.operators)]));
    this.#restore();
  }

  /** −Infinity until there is one. */
  get watermarkMs(): number {
    return this.#watermark.currentMs;
  }

  /** Changed keys, rows and facts that wait for the next checkpoint. */
  get pendingCount(): number {
    let count = this.#state.dirtyCount + this.output.pendingCount;
    for (const sums of this.sums) count += sums.dirtyCount;
    return count;
  }

  get hasUnpublished(): boolean {
    return this.output.hasUnpublishedRows || this.sums.some((sums) => sums.hasUnpublished);
  }

  get cachedKeyCount(): number {
    return this.#state.cachedCount;
  }

  get rememberedIdCount(): number {
    return this.#deduplicator.count;
  }

  get isImporting(): boolean {
    return this.#imports.length > 0;
  }

  inputs(): readonly { readonly topic: Topic; readonly nextOffset: number; readonly isIdle: boolean; readonly counts: EventCounts }[] {
    return this.#inputs.map(({ topic, nextOffset, counts }, index) => ({
      topic,
      nextOffset,
      isIdle: this.#watermark.isIdle(index),
      counts: { ...counts },
    }));
  }

  /** Counts over all inputs. */
  counts(): EventCounts {
    const total = noCounts();
    for (const { counts } of this.#inputs) addCounts(total, counts);
    return total;
  }

  /** Up to where each input is covered by a durable checkpoint. */
  durableInputs(): readonly { readonly topic: Topic; readonly nextOffset: number }[] {
    return this.#inputs.map(({ topic }) => ({ topic, nextOffset: this.#durableOffsets.get(topic) ?? 0 }));
  }

  /** Whether every input is idle, so that the task no longer holds back what others have closed. */
  get isIdle(): boolean {
    return this.#inputs.every((_, index) => this.#watermark.isIdle(index));
  }

  /**
   * Takes up to `recordsMax` records and returns how many it took; 0 means nothing was there. Of
   * several inputs with something to read, the one whose newest event is older goes first.
   *
   * @throws {PoisonRecord} when an operator throws: the task's memory is then unusable
   */
  step(recordsMax: number, nowMs: number): number {
    let taken = 0;
    while (taken < recordsMax) {
      const index = this.#nextInput(nowMs);
      if (index === undefined) break;
      taken += this.#takeBatch(index, recordsMax - taken);
    }
    return taken;
  }

  /** Adds everything that changed since the last call to `writes`. */
  collect(writes: Write[]): void {
    this.#state.collect(writes);
    this.#sweep(writes);
    // The watermark also moves when an input falls idle, and what a sweep removes depends on it.
    if (!this.#isChanged && this.#collectedWatermarkMs === this.#watermark.currentMs) return;
    this.#isChanged = false;
    this.#collectedWatermarkMs = this.#watermark.currentMs;
    this.#collectedOffsets = new Map(this.#inputs.map(({ topic, nextOffset }) => [topic, nextOffset]));
    this.#collectIds(writes);
    const record: TaskRecord = {
      inputs: this.#inputs.map(({ topic, nextOffset, counts }) => ({ topic, nextOffset, counts })),
      watermarkMs: this.#watermark.currentMs,
      newestEventMs: this.#watermark.newestEventMs,
      deduplicationChunks: this.#deduplicationChunks,
      imports: this.#imports,
    };
    writes.push({ key: `m/task/${this.name}`, value: pack(record) });
  }

  /**
   * Tells viewers again what the checkpoint holds of the rows that `failed` had changed since: the
   * task that takes over after a failure calls it once.
   */
  republish(failed: Task): void {
    this.sums.forEach((sums, index) => {
      for (const row of failed.sums[index]?.takeDirty() ?? []) sums.publishAgain(row);
    });
  }

  /** What was collected is durable: memory beyond the bounds is given back. */
  committed(): void {
    this.#durableOffsets = this.#collectedOffsets;
    this.#state.committed();
    for (const sums of this.sums) sums.committed(this.#options.limits.cachedRowsMax);
  }

  #restore(): void {
    const stored = this.#options.store.get(`m/task/${this.name}`);
    if (stored === undefined) return;
    // Written by `collect` of this class and verified by the store's checksum.
    const record = erase<TaskRecord>(unpack(stored));
    for (const { topic, nextOffset, counts } of record.inputs) {
      const input = this.#inputs.find((candidate) => candidate.topic === topic);
      if (input === undefined) continue;
      input.nextOffset = nextOffset;
      input.counts = { ...counts };
    }
    this.#watermark.restore(record);
    this.#imports = record.imports.map((active) => ({ ...active, endedInputs: [...active.endedInputs] }));
    this.#deduplicationChunks = record.deduplicationChunks.map((chunk) => ({ ...chunk }));
    for (const { chunk } of this.#deduplicationChunks) {
      const ids = this.#options.store.get(this.#idsKey(chunk));
      if (ids === undefined) {
        throw new EngineError({
          code: 'CHECKPOINT_DAMAGED',
          kind: 'fatal',
          message: `Expected event ids of chunk ${chunk} of task ${this.name} in the checkpoint, found none`,
        });
      }
      this.#deduplicator.restore(ids);
    }
  }

  #nextInput(nowMs: number): number | undefined {
    let chosen: number | undefined;
    const newest = this.#watermark.newestEventMs;
    for (let index = 0; index < this.#inputs.length; index += 1) {
      const input = this.#input(index);
      if (input.nextOffset >= this.#options.log.endOffset(input.topic, this.partition)) {
        this.#watermark.rest(index, nowMs);
        continue;
      }
      this.#watermark.touch(index, nowMs);
      if (chosen === undefined || (newest[index] ?? 0) < (newest[chosen] ?? 0)) chosen = index;
    }
    return chosen;
  }

  #takeBatch(index: number, recordsMax: number): number {
    const input = this.#input(index);
    let { batch } = input;
    if (batch === undefined || input.nextOffset >= batch.firstOffset + Math.max(batch.count, 1)) {
      batch = this.#options.log.read(input.topic, this.partition, input.nextOffset);
      if (batch === undefined) return 0;
      input.batch = batch;
    }
    this.#isChanged = true;
    if (batch.endsImport) {
      this.#endImport(batch.importName ?? '', index);
      input.nextOffset += 1;
      return 1;
    }
    if (batch.appendedAtMs > this.newestAppendedMs) this.newestAppendedMs = batch.appendedAtMs;
    const first = input.nextOffset - batch.firstOffset;
    const end = Math.min(batch.count, first + recordsMax);
    for (let at = first; at < end; at += 1) {
      this.#take(input, index, batch, at);
      input.nextOffset += 1;
    }
    return end - first;
  }

  #take(input: Input, index: number, batch: RecordBatch, at: number): void {
    const fate = this.#fateOf(input.topic, index, { batch, at });
    input.counts[fate] += 1;
    input.counts.received += 1;
  }

  /** Uses one record, or says why not. */
  #fateOf(topic: Topic, index: number, { batch, at }: RecordPlace): Exclude<keyof EventCounts, 'received'> {
    const start = batch.starts[at] ?? 0;
    const end = batch.ends[at] ?? 0;
    const poisoned = this.#poison.get(`${topic}/${batch.firstOffset + at}`);
    if (poisoned !== undefined) return this.#deadLetter(batch, at, { code: 'PROCESSOR_FAILED', message: poisoned });
    const decoded = decodeEvent(topic, batch.bytes, start, end);
    if (decoded.kind !== 'ok') return this.#deadLetter(batch, at, decoded);
    const { event } = decoded;
    if (event.occurred_at > batch.appendedAtMs + this.#options.limits.clockSkewMs) {
      this.#deadLetter(batch, at, IN_FUTURE);
      return 'quarantined';
    }
    switch (this.#deduplicator.see(event.event_id, hashBytes(batch.bytes, start, end))) {
      case 'duplicate':
        return 'duplicate';
      case 'conflict':
        return this.#deadLetter(batch, at, CONFLICT);
      case 'new':
        break;
    }
    if (batch.importName === undefined && this.#isExpired(event.occurred_at)) return this.#late(batch, at, event);
    this.#applyEvent(topic, event, { batch, at });
    this.#observe(index, event.occurred_at, batch.importName);
    return 'contributed';
  }

  #observe(index: number, eventMs: number, importName: string | undefined): void {
    if (eventMs > this.newestEventMs) this.newestEventMs = eventMs;
    if (importName === undefined) {
      this.#watermark.observe(index, eventMs);
    } else {
      const active = this.#import(importName);
      active.newestEventMs = Math.max(active.newestEventMs, eventMs);
    }
  }

  #applyEvent(topic: Topic, event: EventOfTopic[Topic], { batch, at }: RecordPlace): void {
    const record = this.#record;
    record.topic = topic;
    record.partition = this.partition;
    record.offset = batch.firstOffset + at;
    record.appendedAtMs = batch.appendedAtMs;
    record.watermarkMs = this.#watermark.currentMs;
    this.output.begin({
      topic,
      partition: this.partition,
      offset: record.offset,
      eventMs: event.occurred_at,
      watermarkMs: record.watermarkMs,
      importName: batch.importName,
    });
    if (batch.importName !== undefined) this.#import(batch.importName);
    const key = erase<Readonly<Record<string, string>>>(event)[KEY_OF_TOPIC[topic]] ?? '';
    const entry = this.#state.entry(key, this.isImporting ? -Infinity : record.watermarkMs);
    try {
      for (const { slot, apply } of this.#apply.get(topic) ?? []) {
        apply(entry.states[slot], event, this.output, record);
      }
    } catch (error) {
      throw new PoisonRecord(topic, record.offset, error);
    }
    this.#state.markDirty(key, entry);
  }

  /** Whether the minute of `eventMs` has passed its allowed lateness. */
  #isExpired(eventMs: number): boolean {
    const minuteEndMs = Math.floor(eventMs / 60_000) * 60_000 + 60_000;
    return minuteEndMs + this.#options.limits.allowedLatenessMs <= this.#watermark.currentMs;
  }

  #deadLetter(batch: RecordBatch, at: number, reason: { readonly code: string; readonly message: string }): 'dead_lettered' {
    this.#beginEngineFact(batch, at);
    const payload = Buffer.from(batch.bytes.subarray(batch.starts[at], batch.ends[at])).toString('base64');
    const message = reason.message.slice(0, DEAD_LETTER_MESSAGE_LENGTH_MAX);
    this.output.append(DEAD_LETTERS, [batch.appendedAtMs, reason.code, message, payload]);
    return 'dead_lettered';
  }

  #late(batch: RecordBatch, at: number, event: EventOfTopic[Topic]): 'late' {
    this.#beginEngineFact(batch, at);
    this.output.append(LATE_EVENTS, [
      batch.appendedAtMs,
      'EVENT_TOO_LATE',
      event.event_id,
      event.occurred_at,
      event.source,
      this.#watermark.currentMs,
    ]);
    return 'late';
  }

  #beginEngineFact(batch: RecordBatch, at: number): void {
    this.output.begin({
      topic: batch.topic,
      partition: this.partition,
      offset: batch.firstOffset + at,
      eventMs: batch.appendedAtMs,
      watermarkMs: this.#watermark.currentMs,
      importName: batch.importName,
    });
  }

  #import(name: string): ActiveImport {
    let active = this.#imports.find((candidate) => candidate.name === name);
    if (active === undefined) {
      active = { name, newestEventMs: -Infinity, endedInputs: [] };
      this.#imports.push(active);
    }
    return active;
  }

  /** The import is over in one input; when it is over in all, nothing older will follow from it. */
  #endImport(name: string, index: number): void {
    const active = this.#import(name);
    if (!active.endedInputs.includes(index)) active.endedInputs.push(index);
    if (active.endedInputs.length < this.#inputs.length) return;
    this.#imports = this.#imports.filter((candidate) => candidate !== active);
    if (active.newestEventMs > -Infinity) this.#watermark.advanceTo(active.newestEventMs);
  }

  #collectIds(writes: Write[]): void {
    const ids = this.#deduplicator.takeAdded();
    if (ids.length === 0) return;
    const chunk = (this.#deduplicationChunks.at(-1)?.chunk ?? 0) + 1;
    writes.push({ key: this.#idsKey(chunk), value: ids });
    this.#deduplicationChunks.push({ chunk, idCount: ids.length / ID_BYTES });
    let idCount = this.#deduplicationChunks.reduce((sum, each) => sum + each.idCount, 0);
    for (;;) {
      const oldest = this.#deduplicationChunks[0];
      if (oldest === undefined || idCount - oldest.idCount < this.#options.limits.deduplicationIdsMax) return;
      writes.push({ key: this.#idsKey(oldest.chunk), value: undefined });
      this.#deduplicationChunks.shift();
      idCount -= oldest.idCount;
    }
  }

  #sweep(writes: Write[]): void {
    if (this.isImporting || this.#watermark.currentMs === -Infinity) return;
    const prefix = `s/${this.name}/`;
    this.#sweepAfter = this.#state.sweep(writes, {
      after: this.#sweepAfter ?? prefix,
      end: endOfPrefix(prefix),
      horizonMs: this.#watermark.currentMs,
      limit: SWEEP_KEYS_MAX,
    });
    for (const { table } of this.sums) this.#sweepSums(table, writes);
  }

  /** Final windows leave the state; correction rows do so when their day is over. */
  #sweepSums(table: SumsTable, writes: Write[]): void {
    const watermarkMs = this.#watermark.currentMs;
    const lastFinalMs = watermarkMs - this.#options.limits.allowedLatenessMs - table.windowMs;
    if (lastFinalMs <= 0) return;
    const prefix = `w/${this.name}/${table.name}/`;
    const bounds = { start: prefix, end: prefix + rowKey(Math.floor(lastFinalMs), 0, []), limit: SWEEP_KEYS_MAX };
    for (const { key } of this.#options.store.range(bounds)) {
      const correctedOnDay = Number(key.slice(prefix.length).split(/[/\u0001]/)[1]);
      if (correctedOnDay === 0 || (correctedOnDay + 2) * DAY_MS <= watermarkMs) writes.push({ key, value: undefined });
    }
  }

  #loadSums(table: SumsTable, key: string): readonly number[] | undefined {
    const stored = this.#options.store.get(`w/${this.name}/${table.name}/${key}`);
    return stored === undefined ? undefined : erase<StoredSums>(unpack(stored)).sums;
  }

  #idsKey(chunk: number): string {
    return `d/${this.name}/${String(chunk).padStart(12, '0')}`;
  }

  #input(index: number): Input {
    const input = this.#inputs[index];
    if (input === undefined) throw new RangeError(`Expected an input below ${this.#inputs.length}, got ${index}`);
    return input;
  }
}

/** The stored form of a window row. */
export interface StoredSums {
  readonly windowStartMs: number;
  readonly correctedOnMs: number;
  readonly dimensions: readonly string[];
  readonly sums: readonly number[];
}

/** An operator threw on this record. The engine restores the task and dead-letters the record. */
export class PoisonRecord extends Error {
  readonly topic: Topic;
  readonly offset: number;

  constructor(topic: Topic, offset: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = 'PoisonRecord';
    this.topic = topic;
    this.offset = offset;
  }
}

/** All zero. */
export function noCounts(): TopicCounts {
  return { received: 0, contributed: 0, duplicate: 0, late: 0, dead_lettered: 0, quarantined: 0 };
}

/** Adds `counts` to `total`, in place. */
export function addCounts(total: TopicCounts, counts: EventCounts): void {
  total.received += counts.received;
  total.contributed += counts.contributed;
  total.duplicate += counts.duplicate;
  total.late += counts.late;
  total.dead_lettered += counts.dead_lettered;
  total.quarantined += counts.quarantined;
}

function appliersOf(topic: Topic, operators: readonly Operator[]): { readonly slot: number; readonly apply: Apply }[] {
  return operators.flatMap((operator, slot) => {
    const apply = operator.apply[topic];
    // The task hands each operator the events of the topic it is registered for.
    return apply === undefined ? [] : [{ slot, apply: erase<Apply>(apply) }];
  });
}

function isSumsTable(table: Table): table is SumsTable {
  return table.kind === 'sums';
}
