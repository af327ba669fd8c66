import { MINUTE_MS } from '../../schemas/time.ts';
import { Bots } from './bots.ts';
import { Catalogue } from './catalogue.ts';
import { DRAIN_EVERY_MS } from './delivery.ts';
import { Entries } from './entries.ts';
import { Journal, runIdOf } from './journal.ts';
import { Ledger } from './ledger.ts';
import { type ShopOptions, resolveOptions } from './options.ts';
import { Orders } from './orders.ts';
import { Prices } from './prices.ts';
import { Random } from './random.ts';
import { type Rates, ratesOf } from './rates.ts';
import { Rhythm } from './rhythm.ts';
import { Schedule } from './schedule.ts';
import type { ShopEvent } from './shop-event.ts';
import { startStockKeeping } from './stock-keeping.ts';
import type { FinishedTruth, ShopTruth, SummaryTruth, TruthRecord } from './truth.ts';
import { Arrivals } from './visit.ts';
import { Visitors } from './visitors.ts';
import { Warehouse } from './warehouse.ts';

/** Visits begin this long before the start, so that the first minute is as busy as any other. */
const WARM_UP_MS = 3 * MINUTE_MS;

/**
 * A shop whose every event follows from its options, and that knows the truth about itself. Memory
 * depends on how much happens at once, not on how long it goes on, as long as the truth is taken.
 */
export class Shop {
  readonly options: ShopOptions;
  readonly #rates: Rates;
  readonly #rhythm: Rhythm;
  readonly #schedule = new Schedule();
  readonly #journal: Journal;
  readonly #warehouse: Warehouse;
  readonly #visitors: Visitors;
  readonly #orders: Orders;
  readonly #bots: Bots;
  readonly #ledger: Ledger;
  #nowMs: number;
  #endMs: number;

  /** @throws {EngineError} CONFIG_INVALID for options that cannot be used. */
  constructor(given: Partial<ShopOptions> = {}) {
    const options = resolveOptions(given);
    this.options = options;
    const schedule = this.#schedule;
    const runId = runIdOf(options);
    const rates = ratesOf(options);
    this.#rates = rates;
    this.#rhythm = new Rhythm(options.dayLengthMs, options.rhythmRatio);
    const journal = new Journal(options);
    this.#journal = journal;
    const catalogue = new Catalogue(options);
    const warehouse = new Warehouse(catalogue, journal, options.startMs);
    this.#warehouse = warehouse;
    const prices = new Prices(options, catalogue, journal);
    const entries = new Entries(options, catalogue, journal);
    const visitors = new Visitors(options, {
      visitsPerMs: rates.visitsPerMs,
      idStart: `v-${runId}-`,
    });
    this.#visitors = visitors;
    const parts = { options, catalogue, journal, warehouse, prices, entries, visitors, schedule };
    const orders = new Orders(options, { ...parts, orderIdStart: `o-${runId}-` });
    this.#orders = orders;
    this.#bots = new Bots({ ...parts, sessionIdStart: `b-${runId}-` }, { schedule, rates });
    this.#ledger = new Ledger(options, entries, journal);
    const random = new Random(options.seed, 'visits');
    const arrivals = new Arrivals(
      { ...parts, orders, random, sessionIdStart: `s-${runId}-` },
      { schedule, rhythm: this.#rhythm, rates },
    );

    startStockKeeping(options, { catalogue, warehouse, rates, schedule });
    prices.start(options, schedule);
    schedule.add(this.#ledger.firstMs, this.#ledger);
    arrivals.start(options.startMs - WARM_UP_MS);
    this.#bots.start(options.startMs - WARM_UP_MS);
    this.#nowMs = options.startMs;
    this.#endMs = options.startMs + options.durationMs;
  }

  /** Where the shop's clock stands, event time; what happens before it has happened. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Whether everything has happened; some of it may still be under way. */
  get isClosed(): boolean {
    return this.#nowMs >= this.#endMs;
  }

  /** Whether everything has happened and has arrived. */
  get isOver(): boolean {
    return this.isClosed && this.#journal.delivery.isEmpty;
  }

  /**
   * Everything that arrives from the last call on until `untilMs` (exclusive, in slots of 100 ms),
   * in the order of arrival. However often it is called, the events and their order are the same.
   */
  next(untilMs: number): ShopEvent[] {
    const arrived: ShopEvent[] = [];
    const wholeMs = Math.floor(Math.min(untilMs, Number.MAX_SAFE_INTEGER));
    while (this.#nowMs < Math.min(wholeMs, this.#endMs)) {
      this.#nowMs = Math.min(this.#nowMs + DRAIN_EVERY_MS, wholeMs, this.#endMs);
      this.#schedule.runUntil(this.#nowMs);
      this.#journal.delivery.drainUntil(this.#nowMs, arrived);
    }
    if (wholeMs > this.#nowMs) this.#journal.delivery.drainUntil(wholeMs, arrived);
    return arrived;
  }

  /** Closes the shop where its clock stands; returns what is still under way, in the order of arrival. */
  finish(): ShopEvent[] {
    this.#endMs = Math.min(this.#endMs, this.#nowMs);
    const arrived: ShopEvent[] = [];
    this.#journal.delivery.drainAll(arrived);
    return arrived;
  }

  /** Removes and returns the truth that is final. A shop that runs for long grows unless it is taken. */
  takeTruth(): FinishedTruth[] {
    return this.#journal.takeFinished(this.#nowMs);
  }

  /** What has not been taken, what is still open (bots at work, stockouts that last), and the summary, last. */
  restOfTruth(): TruthRecord[] {
    return [
      ...this.#journal.current(),
      ...this.#bots.running(),
      ...this.#warehouse.openStockouts(),
      this.summary(),
    ];
  }

  /** All of the truth that has not been taken, by kind. */
  truth(): ShopTruth {
    return gatherTruth(this.restOfTruth());
  }

  summary(): SummaryTruth {
    const { options } = this;
    const { delivery } = this.#journal;
    return {
      truth: 'summary',
      seed: options.seed,
      from: options.startMs,
      to: this.#nowMs,
      day_length_ms: options.dayLengthMs,
      hour_profile: this.#rhythm.weights,
      events: this.#journal.events,
      order_events: this.#journal.orderEvents,
      duplicates: delivery.duplicates,
      late: delivery.late,
      limited: { late: delivery.limited, lifecycles: this.#orders.limited },
      lift: this.#visitors.lift(),
      skus: this.#warehouse.truth(this.#rates.wantedOrdersPerMs * options.dayLengthMs),
      zones: this.#orders.zones(),
      spend_minor: this.#ledger.spentMinor(),
      spend_currency: this.#ledger.currency,
    };
  }
}

/** Sorts the records of a truth file by kind. The summary must be among them. */
export function gatherTruth(records: readonly TruthRecord[]): ShopTruth {
  const ofKind = <Kind extends TruthRecord['truth']>(
    kind: Kind,
  ): Extract<TruthRecord, { truth: Kind }>[] =>
    records.filter(
      (record): record is Extract<TruthRecord, { truth: Kind }> => record.truth === kind,
    );
  const [summary] = ofKind('summary');
  if (summary === undefined) throw new RangeError('a truth without its summary');
  return {
    summary,
    minutes: ofKind('minute'),
    bots: ofKind('bot'),
    stockouts: ofKind('stockout'),
    phantoms: ofKind('phantom'),
    prices: ofKind('price'),
    fx: ofKind('fx'),
  };
}

/** How much of the shop's time is computed at once: some thousand events, little memory. */
export const BATCH_EVENTS = 4_000;

/** The events of a whole run in the order of arrival. A shop without an end never finishes. */
export function* generateShop(options: Partial<ShopOptions> = {}): Generator<ShopEvent, Shop> {
  const shop = new Shop(options);
  const batchMs = batchMsOf(shop);
  while (!shop.isClosed) yield* shop.next(shop.nowMs + batchMs);
  yield* shop.finish();
  return shop;
}

/** Event time in which a shop makes about `BATCH_EVENTS`. */
export function batchMsOf(shop: Shop): number {
  return Math.max(1, Math.ceil((BATCH_EVENTS / shop.options.eventsPerSecond) * 1_000));
}
