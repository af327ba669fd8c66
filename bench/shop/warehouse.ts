import { assert } from '../../schemas/errors.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { type Catalogue, unitsPerLine } from './catalogue.ts';
import type { Journal } from './journal.ts';
import type { SkuTruth, StockoutTruth } from './truth.ts';

/** Every so many SKUs some units are kept back. */
const SAFETY_EVERY = 4;
const SAFETY_UNITS = 2;

/**
 * The stock of every SKU at every node, as the books have it. The changes of one SKU at one node
 * have strictly rising times, so that sorting the events by time replays the books exactly.
 * Sales leave no event of their own: an order is the sale.
 */
export class Warehouse {
  readonly #catalogue: Catalogue;
  readonly #journal: Journal;
  readonly #nodeCount: number;
  readonly #onHand: Float64Array;
  readonly #lastChangeMs: Float64Array;
  /** When the stockout in hand began; NaN while there is none. */
  readonly #outSinceMs: Float64Array;
  readonly #outLostUnits: Float64Array;
  readonly #phantoms: Uint8Array;
  readonly #demanded: Float64Array;
  readonly #sold: Float64Array;
  /** The last sequence number of each key: a node's system numbers what it sends about a SKU without gaps. */
  readonly #sequences: Float64Array;

  constructor(catalogue: Catalogue, journal: Journal, startMs: number) {
    this.#catalogue = catalogue;
    this.#journal = journal;
    this.#nodeCount = catalogue.nodeIds.length;
    const keys = catalogue.skus.length * this.#nodeCount;
    this.#onHand = new Float64Array(keys);
    this.#lastChangeMs = new Float64Array(keys).fill(startMs - 1);
    this.#outSinceMs = new Float64Array(keys).fill(Number.NaN);
    this.#outLostUnits = new Float64Array(keys);
    this.#phantoms = new Uint8Array(keys);
    this.#demanded = new Float64Array(keys);
    this.#sold = new Float64Array(keys);
    this.#sequences = new Float64Array(keys);
  }

  keyOf(sku: number, node: number): number {
    return sku * this.#nodeCount + node;
  }

  get keyCount(): number {
    return this.#onHand.length;
  }

  onHand(key: number): number {
    return this.#onHand[key] ?? 0;
  }

  /** Units that the books say can be sold: on hand − safety; nothing is ever reserved. */
  available(key: number): number {
    return this.onHand(key) - safetyOf(this.#skuIndexOf(key));
  }

  /** Units that really can be sold: none of phantom stock. */
  sellable(key: number): number {
    return this.isPhantom(key) ? 0 : Math.max(0, this.available(key));
  }

  isPhantom(key: number): boolean {
    return this.#phantoms[key] === 1;
  }

  /** A time at or after `nowMs`, in whole milliseconds, later than the last change of each of `keys`. */
  freeTimeMs(nowMs: number, keys: readonly number[]): number {
    let timeMs = Math.floor(nowMs);
    for (const key of keys) timeMs = Math.max(timeMs, (this.#lastChangeMs[key] ?? 0) + 1);
    return timeMs;
  }

  /** Somebody wants units; returns how many there are to sell. Every wish is counted once. */
  ask(key: number, units: number): number {
    const sold = Math.min(units, this.sellable(key));
    this.#demanded[key] = (this.#demanded[key] ?? 0) + units;
    this.#sold[key] = (this.#sold[key] ?? 0) + sold;
    if (sold < units && this.isOut(key))
      this.#outLostUnits[key] = (this.#outLostUnits[key] ?? 0) + units - sold;
    return sold;
  }

  /** Takes sold units off the books or, negative, puts returned ones back. */
  move(key: number, timeMs: number, units: number): void {
    this.#change(key, timeMs, this.onHand(key) - units);
  }

  isOut(key: number): boolean {
    return !Number.isNaN(this.#outSinceMs[key] ?? Number.NaN);
  }

  /** The first count: sets the books. */
  open(key: number, timeMs: number, units: number): void {
    this.#change(key, timeMs, units);
    this.#writeCount(key, timeMs);
  }

  count(key: number, nowMs: number): void {
    const timeMs = this.freeTimeMs(nowMs, [key]);
    this.#change(key, timeMs, this.onHand(key));
    this.#writeCount(key, timeMs);
  }

  announce(key: number, nowMs: number, units: number, dueMs: number): void {
    const fields = `,"kind":"inbound"${this.#nodeText(key)},"quantity":${units},"due_at":${Math.floor(dueMs)},"lead_time_days":${(dueMs - nowMs) / DAY_MS}`;
    this.#journal.inventory(
      Math.floor(nowMs),
      `,"source":"purchasing"${this.#skuText(key)}${fields}`,
    );
  }

  restock(key: number, nowMs: number, units: number): void {
    const timeMs = this.freeTimeMs(nowMs, [key]);
    this.#change(key, timeMs, this.onHand(key) + units);
    this.#writeStock(key, timeMs, `,"kind":"movement"${this.#nodeText(key)},"quantity":${units}`);
  }

  /** From now on nothing of this SKU is really at the node, whatever the books say. */
  becomePhantom(key: number, nowMs: number): void {
    this.#phantoms[key] = 1;
    this.#journal.record({
      truth: 'phantom',
      sku: this.#skuIdOf(key),
      node_id: this.#nodeIdOf(key),
      // A sale may have been written a few milliseconds ahead of the clock.
      from: this.freeTimeMs(nowMs, [key]),
      shown_units: this.available(key),
    });
  }

  #change(key: number, timeMs: number, onHand: number): void {
    assert(onHand >= 0, 'stock must not fall below zero');
    assert(timeMs > (this.#lastChangeMs[key] ?? 0), 'changes of one stock must have rising times');
    this.#onHand[key] = onHand;
    this.#lastChangeMs[key] = timeMs;
    const isEmpty = this.available(key) <= 0;
    if (isEmpty === this.isOut(key)) return;
    if (isEmpty) {
      this.#outSinceMs[key] = timeMs;
      this.#outLostUnits[key] = 0;
      return;
    }
    this.#journal.record({ ...this.#stockoutOf(key), to: timeMs });
    this.#outSinceMs[key] = Number.NaN;
  }

  #stockoutOf(key: number): StockoutTruth {
    return {
      truth: 'stockout',
      sku: this.#skuIdOf(key),
      node_id: this.#nodeIdOf(key),
      from: this.#outSinceMs[key] ?? 0,
      lost_units: this.#outLostUnits[key] ?? 0,
    };
  }

  /** The stockouts that have not ended. */
  openStockouts(): StockoutTruth[] {
    const open: StockoutTruth[] = [];
    for (let key = 0; key < this.keyCount; key += 1)
      if (this.isOut(key)) open.push(this.#stockoutOf(key));
    return open;
  }

  #writeCount(key: number, timeMs: number): void {
    const safety = safetyOf(this.#skuIndexOf(key));
    const levels = `,"on_hand":${this.onHand(key)},"reserved":0,"safety":${safety}`;
    this.#writeStock(key, timeMs, `,"kind":"count"${this.#nodeText(key)}${levels}`);
  }

  #writeStock(key: number, timeMs: number, fields: string): void {
    const sequence = (this.#sequences[key] ?? 0) + 1;
    this.#sequences[key] = sequence;
    const source = `,"source":"warehouse-${this.#nodeIdOf(key)}","seq":${sequence}`;
    this.#journal.inventory(timeMs, source + this.#skuText(key) + fields);
  }

  #skuIndexOf(key: number): number {
    return Math.floor(key / this.#nodeCount);
  }

  #skuIdOf(key: number): string {
    return this.#catalogue.sku(this.#skuIndexOf(key)).id;
  }

  #nodeIdOf(key: number): string {
    return this.#catalogue.nodeIds[key % this.#nodeCount] ?? '';
  }

  #skuText(key: number): string {
    return `,"sku":"${this.#skuIdOf(key)}"`;
  }

  #nodeText(key: number): string {
    return `,"node_id":"${this.#nodeIdOf(key)}"`;
  }

  /** @param wantedOrdersPerDay of the whole shop */
  truth(wantedOrdersPerDay: number): SkuTruth[] {
    return this.#catalogue.skus.map((sku, index) => ({
      sku: sku.id,
      units_per_line: unitsPerLine(sku),
      nodes: this.#catalogue.nodeIds.map((nodeId, node) => {
        const key = this.keyOf(index, node);
        const demanded = this.#demanded[key] ?? 0;
        const sold = this.#sold[key] ?? 0;
        return {
          node_id: nodeId,
          units_per_day:
            (wantedOrdersPerDay * sku.linesPerOrder * unitsPerLine(sku)) / this.#nodeCount,
          demanded_units: demanded,
          sold_units: sold,
          lost_units: demanded - sold,
        };
      }),
    }));
  }
}

function safetyOf(sku: number): number {
  return sku % SAFETY_EVERY === SAFETY_EVERY - 1 ? SAFETY_UNITS : 0;
}
