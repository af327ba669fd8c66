import { type Catalogue, unitsPerLine } from './catalogue.ts';
import type { ShopOptions } from './options.ts';
import { PER_DAY, type Rates } from './rates.ts';
import type { Process, Schedule } from './schedule.ts';
import type { Warehouse } from './warehouse.ts';

/** The most popular SKUs are bought in so tightly that they run out before every delivery. */
const FAST_SKUS = 3;

/** Part of an interval's mean demand that they are filled up to: little enough to run out at night too. */
const FAST_LEVEL_PART = 0.75;

/** Part of the first delivery interval that the first stocks of fast SKUs last, so that not all run out at once. */
const FIRST_STOCK_PART = 0.8;

/** When a delivery is announced, as a part of the interval between two. */
const LEAD_PART = 0.25;

/** Standard deviations of demand that other SKUs keep above two intervals' mean. */
const SAFETY_DEVIATIONS = 4;
const LEVEL_MIN = 5;

/** Phantom stock starts at a SKU of middling popularity, with this many units on the books. */
const PHANTOM_RANK_FIRST = 7;
const PHANTOM_RANK_STEP = 5;
const PHANTOM_UNITS_MIN = 3;

/** Every phantom starts this part of a day after the one before, and tries again after the smaller one. */
const PHANTOM_EVERY_DAYS = 0.1;
const PHANTOM_RETRY_DAYS = 0.01;

/** Counts every SKU at every node at the start, and sets deliveries, later counts and phantoms going. */
export function startStockKeeping(
  options: ShopOptions,
  {
    catalogue,
    warehouse,
    rates,
    schedule,
  }: {
    readonly catalogue: Catalogue;
    readonly warehouse: Warehouse;
    readonly rates: Rates;
    readonly schedule: Schedule;
  },
): void {
  const { startMs, dayLengthMs } = options;
  const nodeCount = catalogue.nodeIds.length;
  const fastCount = Math.min(FAST_SKUS, options.skuCount) * nodeCount;
  for (let key = 0; key < warehouse.keyCount; key += 1) {
    const sku = catalogue.sku(Math.floor(key / nodeCount));
    const unitsPerMs =
      (rates.wantedOrdersPerMs * sku.linesPerOrder * unitsPerLine(sku)) / nodeCount;
    const isFast = key < fastCount;
    const intervalMs = dayLengthMs / (isFast ? PER_DAY.restocksPerFastKey : PER_DAY.restocksPerKey);
    const level = isFast
      ? Math.ceil(unitsPerMs * intervalMs * FAST_LEVEL_PART)
      : ampleLevel(unitsPerMs * intervalMs * 2);
    const phase = (key + 1) / (isFast ? fastCount : warehouse.keyCount);
    const first = isFast ? Math.max(1, Math.round(level * phase * FIRST_STOCK_PART)) : level;
    warehouse.open(key, startMs, first);
    const restocking = new Restocking({ warehouse, key, level, intervalMs });
    schedule.add(startMs + intervalMs * Math.max(0, phase - LEAD_PART), restocking);
    const countingMs = dayLengthMs / PER_DAY.countsPerKey;
    schedule.add(
      startMs + countingMs * ((key + 1) / warehouse.keyCount),
      new Counting(warehouse, key, countingMs),
    );
  }
  const phantomSkus = new Set<number>();
  for (let index = 0; index < options.phantomCount; index += 1) {
    let sku = (PHANTOM_RANK_FIRST + index * PHANTOM_RANK_STEP) % options.skuCount;
    while (phantomSkus.has(sku)) sku = (sku + 1) % options.skuCount;
    phantomSkus.add(sku);
    const key = warehouse.keyOf(sku, index % nodeCount);
    const atMs = startMs + PHANTOM_EVERY_DAYS * (index + 1) * dayLengthMs;
    schedule.add(atMs, new PhantomOnset(warehouse, key, PHANTOM_RETRY_DAYS * dayLengthMs));
  }
}

function ampleLevel(demandUnits: number): number {
  return Math.ceil(demandUnits + SAFETY_DEVIATIONS * Math.sqrt(demandUnits) + LEVEL_MIN);
}

/** Orders up to a level at fixed intervals: announced first, on the shelf a lead time later. */
class Restocking implements Process {
  readonly #warehouse: Warehouse;
  readonly #key: number;
  readonly #level: number;
  readonly #intervalMs: number;
  /** Units under way. */
  #ordered = 0;

  constructor(options: {
    readonly warehouse: Warehouse;
    readonly key: number;
    readonly level: number;
    readonly intervalMs: number;
  }) {
    this.#warehouse = options.warehouse;
    this.#key = options.key;
    this.#level = options.level;
    this.#intervalMs = options.intervalMs;
  }

  step(nowMs: number): number {
    // The books of phantom stock never fall, so nobody orders any more.
    if (this.#warehouse.isPhantom(this.#key) && this.#ordered === 0)
      return Number.POSITIVE_INFINITY;
    if (this.#ordered > 0) {
      this.#warehouse.restock(this.#key, nowMs, this.#ordered);
      this.#ordered = 0;
      return nowMs + this.#intervalMs * (1 - LEAD_PART);
    }
    const missing = this.#level - this.#warehouse.onHand(this.#key);
    if (missing <= 0) return nowMs + this.#intervalMs;
    const dueMs = nowMs + this.#intervalMs * LEAD_PART;
    this.#warehouse.announce(this.#key, nowMs, missing, dueMs);
    this.#ordered = missing;
    return dueMs;
  }
}

class Counting implements Process {
  readonly #warehouse: Warehouse;
  readonly #key: number;
  readonly #intervalMs: number;

  constructor(warehouse: Warehouse, key: number, intervalMs: number) {
    this.#warehouse = warehouse;
    this.#key = key;
    this.#intervalMs = intervalMs;
  }

  step(nowMs: number): number {
    this.#warehouse.count(this.#key, nowMs);
    return nowMs + this.#intervalMs;
  }
}

/** Turns a stock into a phantom as soon as the books show enough of it. */
class PhantomOnset implements Process {
  readonly #warehouse: Warehouse;
  readonly #key: number;
  readonly #retryMs: number;

  constructor(warehouse: Warehouse, key: number, retryMs: number) {
    this.#warehouse = warehouse;
    this.#key = key;
    this.#retryMs = retryMs;
  }

  step(nowMs: number): number {
    if (this.#warehouse.available(this.#key) < PHANTOM_UNITS_MIN) return nowMs + this.#retryMs;
    this.#warehouse.becomePhantom(this.#key, nowMs);
    return Number.POSITIVE_INFINITY;
  }
}
