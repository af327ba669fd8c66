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
  /** Inputs of which the log had nothing at hand in this step, although there is more. */
  readonly #unfetched = new Set<Input>();

  constructor(topics: readonly Topic[], options: TaskOptions) {
    const { log, partition, mustWait, firstOffset } = options;
    this.#log = log;
    this.#partition = partition;
    this.#mustWait = mustWait;
    this.all = topics.map((topic) => ({
      topic,
      nextOffset: firstOffset(topic, partition),
      batch: undefined,
      newestTakenMs: -Infinity,
      counts: noCounts(),
    }));
  }

  /** Everything that was appended before it has been taken: `nowMs` when nothing is left. */
  takenToMs(nowMs: number): number {
    const each = this.all.map((input) =>
      this.#isAtEnd(input) ? nowMs : (this.#batchOf(input)?.appendedAtMs ?? -Infinity),
    );
    return Math.min(...each);
  }

  /** A step begins: what was not fetched may be there now. */
  begin(): void {
    this.#unfetched.clear();
  }

  /**
   * What comes next: of several inputs with something to read, the one that is further back in event
   * time; undefined when none has anything at hand, or when the one that is must wait. Tells the
   * watermark which inputs rest.
   */
  next(watermark: Watermark, nowMs: number): Next | undefined {
    for (;;) {
      let index: number | undefined;
      let chosenMs = Infinity;
      let otherMs = Infinity;
      let heldMs = Infinity;
      for (const [candidate, input] of this.all.entries()) {
        const isAtEnd = this.#isAtEnd(input);
        if (isTimed(input.topic)) watermark[isAtEnd ? 'rest' : 'touch'](candidate, nowMs);
        if (isAtEnd || this.#unfetched.has(input)) continue;
        if (this.#isHeld(input)) heldMs = Math.min(heldMs, input.newestTakenMs);
        else if (index === undefined || input.newestTakenMs < chosenMs) {
          otherMs = chosenMs;
          chosenMs = input.newestTakenMs;
          index = candidate;
        } else if (input.newestTakenMs < otherMs) otherMs = input.newestTakenMs;
      }
      if (index === undefined || chosenMs >= heldMs + AHEAD_MS) return undefined;
      const input = inputAt(this.all, index);
      const batch = this.#batchOf(input);
      if (batch !== undefined) {
        const untilMs = Math.min(otherMs, heldMs) + AHEAD_MS;
        return { index, batch, untilMs: isTimed(input.topic) ? untilMs : Infinity };
      }
      this.#unfetched.add(input);
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
    input.batch = this.#log.read(input.topic, this.#partition, input.nextOffset);
    // Offsets before it that hold nothing are passed over.
    input.nextOffset = Math.max(input.nextOffset, input.batch?.firstOffset ?? 0);
    return input.batch;
  }
}

/** The input at an index that is known to be there. */
export function inputAt(inputs: readonly Input[], index: number): Input {
  const input = inputs[index];
  if (input === undefined)
    throw new RangeError(`Expected an input below ${inputs.length}, got ${index}`);
  return input;
}
