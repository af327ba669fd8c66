import { EngineError } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { decodeBatch, encodeBatch, offsetsOf, storedAppendedAtMs, storedOffsets } from './batch.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

interface StoredBatch {
  readonly firstOffset: number;
  readonly stored: Buffer;
}

/** A log in memory, for tests and the simulation: the same batches and offsets as the embedded one. */
export class MemoryLog implements Log {
  readonly #partitions = new Map<string, { batches: StoredBatch[]; endOffset: number }>();
  readonly #listeners: (() => void)[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  append(batches: readonly AppendBatch[]): Promise<void> {
    for (const batch of batches) {
      const partition = this.#partition(batch.topic, batch.partition);
      partition.batches.push({
        firstOffset: partition.endOffset,
        stored: encodeBatch(batch, this.#nowMs()),
      });
      partition.endOffset += offsetsOf(batch);
    }
    for (const listener of this.#listeners) listener();
    return Promise.resolve();
  }

  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    const { batches, endOffset } = this.#partition(topic, partition);
    if (offset === endOffset) return undefined;
    const found = batches.findLast((batch) => batch.firstOffset <= offset);
    if (found === undefined || offset > endOffset) {
      throw new EngineError({
        code: 'LOG_OFFSET_OUT_OF_RANGE',
        kind: 'fatal',
        message: `Expected an offset up to ${endOffset} of ${topic}/${partition}, got ${offset}`,
      });
    }
    return decodeBatch(found.stored, { topic, partition, firstOffset: found.firstOffset });
  }

  endOffset(topic: Topic, partition: number): number {
    return this.#partition(topic, partition).endOffset;
  }

  startOffset(topic: Topic, partition: number): number {
    const { batches, endOffset } = this.#partition(topic, partition);
    return batches[0]?.firstOffset ?? endOffset;
  }

  trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number> {
    const { batches } = this.#partition(topic, partition);
    let count = 0;
    for (const { firstOffset, stored } of batches) {
      if (storedAppendedAtMs(stored) >= limits.beforeMs) break;
      if (firstOffset + storedOffsets(stored) > limits.nextOffset) break;
      count += 1;
    }
    batches.splice(0, count);
    return Promise.resolve(count);
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #partition(topic: Topic, partition: number): { batches: StoredBatch[]; endOffset: number } {
    const key = `${topic}/${partition}`;
    let found = this.#partitions.get(key);
    if (found === undefined) {
      found = { batches: [], endOffset: 0 };
      this.#partitions.set(key, found);
    }
    return found;
  }
}
