import { assert } from '../../../schemas/errors.ts';
import { decodeEvent } from '../../../schemas/events/wire.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { type InternalPast, type TakenTo, isInternal } from './internal-past.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

/**
 * The log as a recomputation sees it: what users sent comes from the log that was written before and
 * ends where that was taken to; what stages forward goes to a log of its own. The log that was
 * written before is only read.
 *
 * What came into the internal topics from elsewhere than a stage is put in by event time, and what
 * was forwarded and never taken is left out.
 */
export class ReplayLog implements Log {
  readonly #source: Log;
  readonly #forwarded: Log;
  readonly #takenTo: TakenTo;
  readonly #past: InternalPast;
  readonly #held: Set<Topic>;
  readonly #listeners: (() => void)[] = [];
  /** How many of the originals are in the log. */
  #originalCount = 0;

  constructor(options: {
    readonly source: Log;
    /** Empty; takes what stages forward, and is closed with this log. */
    readonly forwarded: Log;
    readonly takenTo: TakenTo;
    readonly past: InternalPast;
    /**
     * Topics that look empty until `release`. Those of a stage that others forward to: its inputs are
     * then all there when it begins, and are read in the order of event time, as live roughly did.
     */
    readonly held: readonly Topic[];
  }) {
    this.#source = options.source;
    this.#forwarded = options.forwarded;
    this.#takenTo = options.takenTo;
    this.#past = options.past;
    this.#held = new Set(options.held);
  }

  async append(batches: readonly AppendBatch[]): Promise<void> {
    const taken: AppendBatch[] = [];
    for (const batch of batches) {
      assert(isInternal(batch.topic), 'a replay must not write to the topics of users');
      const values = batch.values.filter((value) => !this.#isUntaken(batch.topic, value));
      const newest = eventOf(batch.topic, values.at(-1));
      if (newest === undefined) continue;
      taken.push(...this.#originalsUntil(newest.occurred_at), { ...batch, values });
    }
    if (taken.length > 0) await this.#forwarded.append(taken);
    this.#tellListeners();
  }

  /** Nothing more will be forwarded: completes the internal topics and shows the topics that were held. */
  async release(): Promise<void> {
    const rest = [...this.#originalsUntil(Infinity), ...this.#past.importEnds];
    if (rest.length > 0) await this.#forwarded.append(rest);
    this.#held.clear();
    this.#tellListeners();
  }

  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    if (offset >= this.endOffset(topic, partition)) return undefined;
    const batch = this.#logOf(topic).read(topic, partition, offset);
    if (batch === undefined || isInternal(topic)) return batch;
    const end = this.endOffset(topic, partition);
    return {
      ...batch,
      count: Math.min(batch.count, end - batch.firstOffset),
      nextOffset: Math.min(batch.nextOffset, end),
    };
  }

  endOffset(topic: Topic, partition: number): number {
    if (this.#held.has(topic)) return this.startOffset(topic, partition);
    if (isInternal(topic)) return this.#forwarded.endOffset(topic, partition);
    return Math.max(this.#takenTo(topic, partition), this.startOffset(topic, partition));
  }

  startOffset(topic: Topic, partition: number): number {
    return this.#logOf(topic).startOffset(topic, partition);
  }

  /** Keeps everything: the log that was written before is not this one's to trim. */
  trim(): Promise<number> {
    return Promise.resolve(0);
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): Promise<void> {
    return this.#forwarded.close();
  }

  #logOf(topic: Topic): Log {
    return isInternal(topic) ? this.#forwarded : this.#source;
  }

  #isUntaken(topic: Topic, value: Uint8Array): boolean {
    const { untakenIds } = this.#past;
    if (untakenIds.size === 0) return false;
    const event = eventOf(topic, value);
    return event !== undefined && untakenIds.has(event.event_id);
  }

  /** The originals up to this event time that are not in the log yet. */
  #originalsUntil(eventMs: number): AppendBatch[] {
    const { originals } = this.#past;
    const batches: AppendBatch[] = [];
    for (;;) {
      const next = originals[this.#originalCount];
      if (next === undefined || next.eventMs > eventMs) return batches;
      this.#originalCount += 1;
      const { topic, partition, value } = next;
      batches.push({ topic, partition, values: [value] });
    }
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}

function eventOf(
  topic: Topic,
  value: Uint8Array | undefined,
): { readonly event_id: string; readonly occurred_at: number } | undefined {
  if (value === undefined) return undefined;
  const decoded = decodeEvent(topic, Buffer.from(value.buffer, value.byteOffset, value.length));
  return decoded.kind === 'ok' ? decoded.event : undefined;
}
