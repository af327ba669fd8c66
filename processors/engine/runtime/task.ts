import { erase } from '../../../schemas/brand.ts';
import { isActOfPerson, isBroadcast } from '../../../schemas/events/sku-event.ts';
import { decodeEvent } from '../../../schemas/events/wire.ts';
import type { EventCounts } from '../../../schemas/ports.ts';
import {
  type EventOfTopic,
  KEY_OF_TOPIC,
  type Stage,
  TOPICS_OF_STAGE,
  type Topic,
  isTimed,
} from '../../../schemas/topics.ts';
import type { RecordBatch } from '../log/log.ts';
import { hashBytes } from '../operator/fingerprint.ts';
import { HUMAN } from '../operator/standing.ts';
import { KeyedState } from '../state/keyed-state.ts';
import { endOfPrefix, type Write } from '../state/store.ts';
import { Watermark } from '../time/watermark.ts';
import { Appliers } from './appliers.ts';
import { addCounts, noCounts } from './counts.ts';
import {
  CONFLICT,
  IN_FUTURE,
  type Reason,
  type RecordPlace,
  writeDeadLetter,
  writeLateEvent,
} from './engine-facts.ts';
import { EventIds } from './event-ids.ts';
import { Identities } from './identities.ts';
import { Imports } from './imports.ts';
import { laneOf } from './lane.ts';
import { isTooLate } from './lateness.ts';
import { Moves } from './moves.ts';
import { poisonAt, poisonOrFatal } from './poison-record.ts';
import { type InputStatus, TaskInputs, inputAt } from './task-input.ts';
import type { TaskOptions } from './task-options.ts';
import { TaskOutput } from './task-output.ts';
import { type TaskRecord, storedTask, taskWrite } from './task-record.ts';
import { TaskWindows } from './task-windows.ts';
import { Wakes } from './wakes.ts';

/** Stored keys that one checkpoint looks at for expiry, so that a sweep never holds the task for long. */
const SWEEP_KEYS_MAX = 500;

/**
 * One partition of one stage: reads its inputs in offset order, and for each record decodes, checks
 * the time, deduplicates, looks the key's state up once and calls every operator. It alone owns its
 * partition's state. The engine decides when it steps and when its changes are stored.
 */
export class Task {
  readonly name: string;
  readonly stage: Stage;
  readonly partition: number;
  readonly output: TaskOutput;
  readonly windows: TaskWindows;
  readonly state: KeyedState;
  /** Newest event time and append time among the records taken since the last publication. */
  newestEventMs = 0;
  newestAppendedMs = 0;
  /** The record that operators are working on. */
  applying: { readonly topic: Topic; readonly offset: number } | undefined;
  readonly #options: TaskOptions;
  readonly #wakes: Wakes;
  readonly #ids: EventIds;
  readonly #imports: Imports;
  readonly #watermark: Watermark;
  readonly #inputs: TaskInputs;
  readonly #appliers: Appliers;
  readonly #moves: Moves;
  /** Of the control task alone. */
  readonly identities: Identities | undefined;
  /** Newest event time of the records that are being taken. */
  #takenMs = -Infinity;
  #isChanged = false;
  #sweepAfter: string | undefined;
  #collectedWatermarkMs = -Infinity;
  #collectedOffsets: ReadonlyMap<Topic, number>;
  #durableOffsets: ReadonlyMap<Topic, number>;
  /** Offsets whose record made an operator throw; they become dead letters. */
  readonly #poison: ReadonlyMap<string, string>;

  constructor(options: TaskOptions, poison: ReadonlyMap<string, string>) {
    const { stage, partition, operators, store, limits } = options;
    this.#options = options;
    this.#poison = poison;
    this.stage = stage;
    this.partition = partition;
    this.name = `${stage}-${partition}`;
    this.windows = new TaskWindows({
      task: this.name,
      tables: options.tables,
      store,
      allowedLatenessMs: limits.allowedLatenessMs,
    });
    this.output = new TaskOutput({
      sums: this.windows.tables,
      partitionCount: options.partitionCount,
      onCount: options.onCount,
      onWakeAt: (timeMs, key) => this.#wakes.timers.add(timeMs, key, this.#watermark.currentMs),
    });
    this.state = new KeyedState({
      prefix: `s/${this.name}/`,
      store,
      operators,
      layouts: options.layouts,
      cachedBytesMax: limits.cachedStateBytesMax,
    });
    this.#wakes = new Wakes({
      task: this.name,
      store,
      operators,
      state: this.state,
      output: this.output,
    });
    const topics: readonly Topic[] = TOPICS_OF_STAGE[stage];
    this.#appliers = new Appliers(operators, this.#wakes.facts);
    this.#moves = new Moves({
      operators,
      appliers: this.#appliers,
      state: this.state,
      output: this.output,
    });
    this.identities = stage === 'control' ? new Identities({ store, task: this.name }) : undefined;
    this.#inputs = new TaskInputs(topics, options);
    const timedCount = topics.filter((topic) => isTimed(topic)).length;
    this.#watermark = new Watermark({
      inputCount: timedCount,
      outOfOrdernessMs: limits.outOfOrdernessMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      startedAtMs: options.nowMs,
    });
    const record = this.#restore();
    this.#collectedOffsets = this.#inputs.offsets();
    this.#durableOffsets = this.#collectedOffsets;
    this.#imports = new Imports(timedCount, record?.imports);
    this.#ids = new EventIds({
      store,
      task: this.name,
      idsMax: limits.deduplicationIdsMax,
      stored: record?.eventIds,
    });
  }

  /** −Infinity until there is one. */
  get watermarkMs(): number {
    return this.#watermark.currentMs;
  }

  /** What waits for the next checkpoint: changed keys, changed rows, and lines that are bytes already. */
  get pending(): { readonly keys: number; readonly rows: number; readonly lines: number } {
    return {
      keys: this.state.changedCount,
      rows: this.windows.dirtyCount + this.output.pendingRows,
      lines: this.output.pendingLines,
    };
  }

  /** Whether a checkpoint would have anything of this task to write. */
  get hasPending(): boolean {
    const { rows, lines } = this.pending;
    return rows > 0 || lines > 0 || this.state.hasChanges || this.#wakes.hasChanges;
  }

  /** Whether keys wait to be woken, so that a step has something to do without a record. */
  get hasWakes(): boolean {
    return this.#wakes.isDue(this.#watermark.currentMs);
  }

  get hasUnpublished(): boolean {
    return this.output.hasUnpublishedRows || this.windows.hasUnpublished;
  }

  /** How much is in memory: keys of keyed state, and event ids. */
  get memory(): { readonly keys: number; readonly eventIds: number } {
    return { keys: this.state.cachedCount, eventIds: this.#ids.count };
  }

  get isImporting(): boolean {
    return this.#imports.isAny;
  }

  inputs(): readonly InputStatus[] {
    return this.#inputs.status(this.#watermark);
  }

  /** Counts over all inputs. */
  counts(): EventCounts {
    const total = noCounts();
    for (const { counts } of this.#inputs.all) addCounts(total, counts);
    return total;
  }

  /** Up to where each input is covered by a durable checkpoint. */
  durableInputs(): readonly { readonly topic: Topic; readonly nextOffset: number }[] {
    return Array.from(this.#durableOffsets, ([topic, nextOffset]) => ({ topic, nextOffset }));
  }

  /** Everything that was appended to its inputs before it has been taken: `nowMs` when nothing is left. */
  takenToMs(nowMs: number): number {
    return this.#inputs.takenToMs(nowMs);
  }

  /** Whether every input is idle, so that the task no longer holds back what others have closed. */
  get isIdle(): boolean {
    return this.inputs().every((input) => input.isIdle);
  }

  /**
   * Takes up to `recordsMax` records, first of the input that is further back in event time; returns how many.
   * @throws {PoisonRecord} when an operator throws: the task's memory is then unusable
   */
  step(recordsMax: number, nowMs: number): number {
    let taken = 0;
    this.#inputs.begin();
    while (taken < recordsMax) {
      const next = this.#inputs.next(this.#watermark, nowMs);
      if (next === undefined) break;
      const { index, batch, untilMs } = next;
      taken += this.#takeBatch(index, batch, { recordsMax: recordsMax - taken, untilMs });
    }
    // Afterwards, because the watermark also moves when an input falls idle.
    return taken + this.#wakes.run(recordsMax, this.#watermark.currentMs, this.#horizonMs);
  }

  /** Begins a checkpoint of what changed since the last one; adds all of it but keys to `writes`. */
  close(writes: Write[]): void {
    this.state.close();
    this.#wakes.collect(writes);
    this.identities?.collect(writes);
    // The watermark also moves when an input falls idle, and what a sweep removes depends on it.
    if (!this.#isChanged && this.#collectedWatermarkMs === this.#watermark.currentMs) return;
    this.#isChanged = false;
    this.#collectedWatermarkMs = this.#watermark.currentMs;
    this.#collectedOffsets = this.#inputs.offsets();
    this.#ids.collect(writes);
    const record: TaskRecord = {
      inputs: this.#inputs.all.map(({ topic, nextOffset, counts }) => ({
        topic,
        nextOffset,
        counts,
      })),
      watermarkMs: this.#watermark.currentMs,
      newestEventMs: this.#watermark.newestEventMs,
      eventIds: this.#ids.stored,
      imports: this.#imports.active,
    };
    writes.push(taskWrite(this.name, record));
  }

  /** Tells viewers again what the checkpoint holds of the rows that `failed`, its predecessor, had changed. */
  republish(failed: Task): void {
    this.windows.republish(failed.windows);
  }

  /** Adds the removal of some expired keys and final windows to `writes`. */
  sweep(writes: Write[]): void {
    if (this.isImporting || this.watermarkMs === -Infinity) return;
    const prefix = `s/${this.name}/`;
    this.#sweepAfter = this.state.sweep(writes, {
      after: this.#sweepAfter ?? prefix,
      end: endOfPrefix(prefix),
      horizonMs: this.watermarkMs,
      limit: SWEEP_KEYS_MAX,
    });
    this.windows.sweep(writes, this.watermarkMs);
  }

  /** What was collected is durable: memory beyond the bounds is given back. */
  committed(): void {
    this.#durableOffsets = this.#collectedOffsets;
    this.state.committed();
    this.#wakes.timers.committed();
    this.identities?.committed();
    this.windows.committed(this.#options.limits.cachedRowsMax);
  }

  /** Keyed state that expired at or before it counts as absent. */
  get #horizonMs(): number {
    return this.isImporting ? -Infinity : this.#watermark.currentMs;
  }

  /** Goes on from the checkpoint, if there is one. */
  #restore(): TaskRecord | undefined {
    const record = storedTask(this.#options.store, this.name);
    if (record === undefined) return undefined;
    this.#inputs.restore(record.inputs);
    this.#watermark.restore(record);
    return record;
  }

  /** How many records it took; a marker and a stretch of empty offsets count as one. */
  #takeBatch(
    index: number,
    batch: RecordBatch,
    { recordsMax, untilMs }: { readonly recordsMax: number; readonly untilMs: number },
  ): number {
    const input = inputAt(this.#inputs.all, index);
    this.#isChanged = true;
    if (batch.endsImport) {
      const completeToMs = this.#imports.end(batch.importName ?? '', index);
      if (completeToMs !== undefined) this.#watermark.advanceTo(completeToMs);
    }
    if (batch.count === 0) {
      input.nextOffset = batch.nextOffset;
      return 1;
    }
    if (batch.appendedAtMs > this.newestAppendedMs) this.newestAppendedMs = batch.appendedAtMs;
    const first = input.nextOffset - batch.firstOffset;
    const end = Math.min(batch.count, first + recordsMax);
    this.#takenMs = -Infinity;
    let at = first;
    for (; at < end && this.#takenMs <= untilMs; at += 1) {
      const fate = this.#fateOf(input.topic, index, { batch, at });
      input.counts[fate] += 1;
      input.counts.received += 1;
      input.nextOffset += 1;
    }
    if (at === batch.count) input.nextOffset = batch.nextOffset;
    if (isTimed(input.topic) && this.#takenMs > -Infinity) input.newestTakenMs = this.#takenMs;
    return Math.max(1, at - first);
  }

  /** Uses one record, or says why not. */
  #fateOf(topic: Topic, index: number, place: RecordPlace): Exclude<keyof EventCounts, 'received'> {
    const { batch, at } = place;
    const start = batch.starts[at] ?? 0;
    const end = batch.ends[at] ?? 0;
    const refused = poisonAt(this.#poison, topic, batch.firstOffset + at) ?? batch.refused?.get(at);
    if (refused !== undefined) return this.#dead(place, refused);
    const decoded = decodeEvent(topic, batch.bytes, start, end);
    if (decoded.kind !== 'ok') return this.#dead(place, decoded);
    const { event } = decoded;
    if (event.occurred_at > batch.appendedAtMs + this.#options.limits.clockSkewMs) {
      this.#dead(place, IN_FUTURE);
      return 'quarantined';
    }
    const seen = this.#ids.see(event.event_id, hashBytes(batch.bytes, start, end));
    if (seen === 'duplicate') return 'duplicate';
    if (seen === 'conflict') return this.#dead(place, CONFLICT);
    if (isTooLate(event, { topic, batch, watermarkMs: this.#watermark.currentMs }, this.#options)) {
      writeLateEvent(this.output, place, { event, watermarkMs: this.#watermark.currentMs });
      return 'late';
    }
    const { importName } = batch;
    const tells = isTimed(topic) && !isActOfPerson(event);
    if (importName !== undefined && tells) this.#imports.observe(importName, event.occurred_at);
    this.#applyEvent(topic, event, place);
    if (importName === undefined && tells) this.#watermark.observe(index, event.occurred_at);
    if (event.occurred_at > this.#takenMs) this.#takenMs = event.occurred_at;
    if (event.occurred_at > this.newestEventMs) this.newestEventMs = event.occurred_at;
    return 'contributed';
  }

  #dead(place: RecordPlace, reason: Reason): 'dead_lettered' {
    writeDeadLetter(this.output, place, reason);
    return 'dead_lettered';
  }

  #applyEvent(topic: Topic, event: EventOfTopic[Topic], { batch, at }: RecordPlace): void {
    const record = {
      topic,
      partition: this.partition,
      offset: batch.firstOffset + at,
      appendedAtMs: batch.appendedAtMs,
      watermarkMs: this.#watermark.currentMs,
      standing: HUMAN, // This and the next are here already, so that every record has one shape.
      member: undefined,
    };
    const key = erase<Readonly<Record<string, string>>>(event)[KEY_OF_TOPIC[topic]] ?? '';
    const importName = laneOf(batch, event);
    this.output.begin(record, { key, eventMs: event.occurred_at, importName });
    if (isBroadcast(event)) return this.#wakes.take(event, record.watermarkMs);
    this.applying = record;
    const entry = this.state.entry(key, this.#horizonMs);
    try {
      if (topic === 'weir.internal.identity') this.#moves.take(erase(event), { entry, record });
      else if (entry.into !== undefined) this.#moves.forward(topic, event, { entry, record });
      else this.#appliers.apply(entry.states, event, this.output, record);
      this.identities?.take(erase(event), this.output, record);
    } catch (error) {
      throw poisonOrFatal(topic, record.offset, error);
    }
    this.state.markDirty(key, entry);
    this.applying = undefined;
  }
}
