import type { EventCounts } from '../../../schemas/ports.ts';
import { SECOND_MS } from '../../../schemas/time.ts';
import { type Topic, isTimed } from '../../../schemas/topics.ts';
import { isInternal } from '../log/internal-past.ts';
import type { Log, RecordBatch } from '../log/log.ts';
import type { Watermark } from '../time/watermark.ts';
import { type TopicCounts, noCounts } from './counts.ts';
import type { TaskOptions } from './task-options.ts';

/** One topic that a task reads, and how far it has come. */
export interface Input {
  readonly topic: Topic;
  nextOffset: number;
  /** The batch being read, and the record in it that comes next. */
  batch: RecordBatch | undefined;
  /**
   * Newest event time of the records that were taken last, imported ones too; −Infinity before the first,
   * and where the events tell nothing of time.
   */
  newestTakenMs: number;
  /** When the newest batch that was read, perhaps in part, was appended; −Infinity before the first. */
  newestAppendedMs: number;
  counts: TopicCounts;
}

/** The same for whoever watches the task. */
export interface InputStatus {
  readonly topic: Topic;
  readonly nextOffset: number;
  readonly isIdle: boolean;
  readonly counts: EventCounts;
}

/** What to take next. */
interface Next {
  readonly index: number;
  readonly batch: RecordBatch;
  /** Up to which event time, until the other inputs have their turn. */
  readonly untilMs: number;
}

/** Event time by which one input may be read ahead of another, so that they do not take turns at every record. */
const AHEAD_MS = 10 * SECOND_MS;

/** The topics that one task reads, and which of them comes next. */
export class TaskInputs {
  readonly all: readonly Input[];
  readonly #log: Log;
  readonly #partition: number;
  readonly #mustWait: TaskOptions['mustWait'];
  readonly #isLive: TaskOptions['isLive'];
  /** Inputs of which the log had nothing at hand in this step, although there is more. */
  readonly #unfetched = new Set<Input>();

  constructor(topics: readonly Topic[], options: TaskOptions) {
    const { log, partition, mustWait, isLive, firstOffset } = options;
    this.#log = log;
    this.#partition = partition;
    this.#mustWait = mustWait;
    this.#isLive = isLive;
    this.all = topics.map((topic) => ({
      topic,
      nextOffset: firstOffset(topic, partition),
      batch: undefined,
      newestTakenMs: -Infinity,
      newestAppendedMs: -Infinity,
      counts: noCounts(),
    }));
  }

  /** Everything that was appended before it has been taken: `nowMs` when nothing is left. */
  takenToMs(nowMs: number): number {
    const each = this.all.map((input) => {
      if (this.#isAtEnd(input)) return nowMs;
      // Where what comes next is not fetched yet, what came before says how far it is.
      this.#batchOf(input);
      return input.newestAppendedMs;
    });
    return Math.min(...each);
  }

  /** A step begins: what was not fetched may be there now. */
  begin(): void {
    this.#unfetched.clear();
  }

  /**
   * What comes next: of several inputs with something to read, the one that is further back in event
   * time; undefined when none has anything at hand, or when the one that has must wait: what is not live
   * does not run ahead of an input that is being fetched. Tells the watermark which inputs rest.
   */
  next(watermark: Watermark, nowMs: number): Next | undefined {
    for (;;) {
      let index: number | undefined;
      let chosenMs = Infinity;
      let otherMs = Infinity;
      let heldMs = Infinity;
      let unfetchedMs = Infinity;
      for (const [candidate, input] of this.all.entries()) {
        const isAtEnd = this.#isAtEnd(input);
        if (isTimed(input.topic)) watermark[isAtEnd ? 'rest' : 'touch'](candidate, nowMs);
        if (isAtEnd) continue;
        if (this.#unfetched.has(input)) {
          if (isTimed(input.topic)) unfetchedMs = Math.min(unfetchedMs, input.newestTakenMs);
        } else if (this.#isHeld(input)) heldMs = Math.min(heldMs, input.newestTakenMs);
        else if (index === undefined || input.newestTakenMs < chosenMs) {
          otherMs = chosenMs;
          chosenMs = input.newestTakenMs;
          index = candidate;
        } else if (input.newestTakenMs < otherMs) otherMs = input.newestTakenMs;
      }
      if (index === undefined || chosenMs >= heldMs + AHEAD_MS) return undefined;
      const input = inputAt(this.all, index);
      const batch = this.#batchOf(input);
      if (batch === undefined) {
        this.#unfetched.add(input);
        continue;
      }
      if (!isTimed(input.topic)) return { index, batch, untilMs: Infinity };
      if (this.#isLive(batch)) unfetchedMs = Infinity;
      if (chosenMs >= unfetchedMs + AHEAD_MS) return undefined;
      return { index, batch, untilMs: Math.min(otherMs, heldMs, unfetchedMs) + AHEAD_MS };
    }
  }

  status(watermark: Watermark): readonly InputStatus[] {
    return this.all.map(({ topic, nextOffset, counts }, index) => ({
      topic,
      nextOffset,
      isIdle: !isTimed(topic) || watermark.isIdle(index),
      counts: { ...counts },
    }));
  }

  /** The offset to read next, by topic. */
  offsets(): ReadonlyMap<Topic, number> {
    return new Map(this.all.map(({ topic, nextOffset }) => [topic, nextOffset]));
  }

  /** Goes on from a checkpoint. */
  restore(stored: readonly Omit<InputStatus, 'isIdle'>[]): void {
    for (const { topic, nextOffset, counts } of stored) {
      const input = this.all.find((candidate) => candidate.topic === topic);
      if (input === undefined) continue;
      input.nextOffset = nextOffset;
      input.counts = { ...counts };
    }
  }

  #isAtEnd({ topic, nextOffset }: Input): boolean {
    return nextOffset >= this.#log.endOffset(topic, this.#partition);
  }

  #isHeld(input: Input): boolean {
    if (this.#mustWait === undefined || isInternal(input.topic)) return false;
    const batch = this.#batchOf(input);
    return batch !== undefined && this.#mustWait(batch);
  }

  /** The batch with the record that comes next; undefined when the log has not fetched it yet. */
  #batchOf(input: Input): RecordBatch | undefined {
    const { batch } = input;
    if (batch !== undefined && input.nextOffset < batch.nextOffset) return batch;
    const next = this.#log.read(input.topic, this.#partition, input.nextOffset);
    input.batch = next;
    if (next === undefined) return undefined;
    // Offsets before it that hold nothing are passed over.
    input.nextOffset = Math.max(input.nextOffset, next.firstOffset);
    input.newestAppendedMs = Math.max(input.newestAppendedMs, next.appendedAtMs);
    return next;
  }
}

/** The input at an index that is known to be there. */
export function inputAt(inputs: readonly Input[], index: number): Input {
  const input = inputs[index];
  if (input === undefined)
    throw new RangeError(`Expected an input below ${inputs.length}, got ${index}`);
  return input;
}
