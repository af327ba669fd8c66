import type { AppendBatch } from '../log/log.ts';
import { type NewDelivery, appendDelivery } from './delivery.ts';
import type { ForwardBatch } from './task-output.ts';

/**
 * Records for other stages, gathered over the tasks of a checkpoint. Those of the visitor tasks for the
 * sku stage are put in the order of event time: each task has only some of the orders of a SKU, and in
 * turn they would arrive as many times out of order as there are tasks. All others stay in the order in
 * which they were sent, on which links between ids depend.
 */
export class Forwards {
  readonly #inTurn: NewDelivery[] = [];
  readonly #ofSkus = new Map<string, ForwardBatch>();

  /** Takes those of one task. */
  add(batches: readonly ForwardBatch[]): void {
    const inTurn: AppendBatch[] = [];
    for (const batch of batches) {
      if (batch.topic === 'weir.internal.sku') this.#gather(batch);
      else inTurn.push(appendBatch(batch, batch.values));
    }
    if (inTurn.length > 0) this.#inTurn.push(appendDelivery(inTurn));
  }

  /** Everything that was taken. */
  deliveries(): readonly NewDelivery[] {
    if (this.#ofSkus.size === 0) return this.#inTurn;
    const sorted = [...this.#ofSkus.values()].map((batch) => appendBatch(batch, byTime(batch)));
    return [...this.#inTurn, appendDelivery(sorted)];
  }

  #gather(batch: ForwardBatch): void {
    const name = `${batch.partition}/${batch.importName ?? ''}`;
    const gathered = this.#ofSkus.get(name);
    if (gathered === undefined) {
      this.#ofSkus.set(name, batch);
      return;
    }
    // One by one: there may be more than a call takes as arguments.
    for (const value of batch.values) gathered.values.push(value);
    for (const eventMs of batch.eventMs) gathered.eventMs.push(eventMs);
  }
}

function byTime({ values, eventMs }: ForwardBatch): readonly Uint8Array[] {
  const timed = values.map((value, index) => ({ value, eventMs: eventMs[index] ?? 0 }));
  return timed.toSorted((a, b) => a.eventMs - b.eventMs).map(({ value }) => value);
}

function appendBatch(
  { topic, partition, importName }: ForwardBatch,
  values: readonly Uint8Array[],
): AppendBatch {
  if (importName === undefined) return { topic, partition, values };
  return { topic, partition, values, importName };
}
