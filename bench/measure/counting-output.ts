import type { Output } from '../../processors/engine/operator/operator.ts';

/** Counts results as the engine would take them, and forgets them: what an operator costs by itself. */
export class CountingOutput implements Output {
  rows = 0;
  changes = 0;
  append(): void {}
  forward(): void {}
  broadcast(): void {}
  wakeAt(): void {}
  count(): void {}
  add(): void {
    this.changes += 1;
  }
  upsert(): void {
    this.rows += 1;
  }
}
