import type { Topic } from '../../../schemas/topics.ts';
import type { AppendBatch, Log, RecordBatch } from './log.ts';

/** A log as one of several readers sees it: closing it leaves the log open and only ends its own listening. */
export class LogView implements Log {
  readonly #log: Log;
  #listeners: (() => void)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  append(batches: readonly AppendBatch[]): Promise<void> {
    return this.#log.append(batches);
  }

  read(topic: Topic, partition: number, offset: number): RecordBatch | undefined {
    return this.#log.read(topic, partition, offset);
  }

  endOffset(topic: Topic, partition: number): number {
    return this.#log.endOffset(topic, partition);
  }

  startOffset(topic: Topic, partition: number): number {
    return this.#log.startOffset(topic, partition);
  }

  trim(
    topic: Topic,
    partition: number,
    limits: { readonly beforeMs: number; readonly nextOffset: number },
  ): Promise<number> {
    return this.#log.trim(topic, partition, limits);
  }

  onAppend(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** There is more to read: the owner of the log passes it on. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  close(): Promise<void> {
    this.#listeners = [];
    return Promise.resolve();
  }
}
