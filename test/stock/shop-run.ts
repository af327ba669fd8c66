import type { ShopOptions } from '../../bench/shop/options.ts';
import { batchMsOf, gatherTruth, Shop } from '../../bench/shop/shop.ts';
import type { FinishedTruth, ShopTruth } from '../../bench/shop/truth.ts';
import { createStockLevels } from '../../processors/stock/operator.ts';
import { createOrderLines } from '../../processors/stock/order-lines.ts';
import { STOCK_CURRENT } from '../../processors/stock/row.ts';
import { WeekProfile } from '../../processors/stock/week-profile.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { STOCK_CONFIG, STOCK_LEVELS_CONFIG } from '../doubles/stock-config.ts';
import type { LawEvent } from '../laws/law-event.ts';
import { Run } from '../laws/law-run.ts';

/** A real shop's days, small enough for a test: about 100 units a day of the fastest SKU at a node. */
const SHOP: Partial<ShopOptions> = {
  startMs: Date.UTC(2026, 0, 5),
  dayLengthMs: DAY_MS,
  eventsPerSecond: 1,
  conversionRate: 0.3,
  rhythmRatio: 1,
  botShare: 0,
  lateShare: 0.02,
};

const STATE = STOCK_CURRENT.columns.findIndex(({ name }) => name === 'state');
const AS_OF = STOCK_CURRENT.columns.findIndex(({ name }) => name === 'as_of');

/** What the stock processor has made of a shop, beside what truly was. */
export interface StockShopRun {
  readonly truth: ShopTruth;
  readonly run: Run;
  /** When each SKU × node began to be in a state, as it was shown, by `placeOf`; rising. */
  readonly states: ReadonlyMap<string, readonly ShownState[]>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly unitsByHour: readonly number[];
}

/** A state and the event time from which it was shown. */
export interface ShownState {
  readonly fromMs: number;
  readonly state: string;
}

/** What a SKU at a node is called in maps. */
export function placeOf(of: { readonly sku?: unknown; readonly node_id?: unknown }): string {
  return `${String(of.sku)}|${String(of.node_id)}`;
}

/** Runs a shop of `days` through the stock operators in the order of arrival, repeats left out. */
export function runStockShop(options: {
  readonly seed: number;
  readonly days: number;
  readonly phantomCount: number;
  /** Weights of the 24 hours. */
  readonly profile: readonly number[];
}): StockShopRun {
  const shop = new Shop({
    ...SHOP,
    seed: options.seed,
    durationMs: options.days * DAY_MS,
    phantomCount: options.phantomCount,
  });
  const { startMs } = shop.options;
  const orderLines = createOrderLines(STOCK_CONFIG);
  const levels = createStockLevels({
    ...STOCK_LEVELS_CONFIG,
    rules: {
      profile: new WeekProfile(options.profile),
      leadTimeMs: 3 * HOUR_MS,
      reviewPeriodMs: 3 * HOUR_MS,
    },
  });
  const run = new Run([orderLines, levels]);
  const truth: FinishedTruth[] = [];
  const seen = new Set<string>();
  const states = new Map<string, ShownState[]>();
  const unitsByHour = Array.from({ length: 24 }, () => 0);
  let newestMs = startMs;
  const stepMs = batchMsOf(shop);
  for (let nowMs = startMs + stepMs; ; nowMs += stepMs) {
    for (const event of shop.next(nowMs)) {
      if (event.type !== 'order' && event.type !== 'inventory') continue;
      const lawEvent = lawEventOf(event.type, event.toObject());
      if (seen.has(lawEvent.event.event_id)) continue;
      seen.add(lawEvent.event.event_id);
      if (lawEvent.topic === 'weir.orders' && lawEvent.event.status === 'placed') {
        const hour = Math.floor(lawEvent.event.occurred_at / HOUR_MS) % 24;
        for (const { quantity } of lawEvent.event.lines) {
          unitsByHour[hour] = (unitsByHour[hour] ?? 0) + quantity;
        }
      }
      for (const at of applyWithForwards(run, lawEvent, newestMs - MINUTE_MS)) {
        noteState(states, run, at);
      }
      newestMs = Math.max(newestMs, lawEvent.event.occurred_at);
    }
    truth.push(...shop.takeTruth());
    if (nowMs > startMs + options.days * DAY_MS + DAY_MS) break;
  }
  return {
    truth: gatherTruth([...truth, ...shop.restOfTruth()]),
    run,
    states,
    fromMs: startMs,
    toMs: startMs + options.days * DAY_MS,
    unitsByHour,
  };
}

/** @returns the places whose stock the event, or what was forwarded for it, concerns */
function applyWithForwards(run: Run, event: LawEvent, watermarkMs: number): ReadonlySet<string> {
  const places = new Set<string>();
  run.apply(event, watermarkMs);
  if (event.topic === 'weir.inventory') places.add(placeOf(event.event));
  for (const { topic, event: forwarded } of run.output.forwarded.splice(0)) {
    if (topic === 'weir.internal.sku' && 'demand' in forwarded) {
      run.apply({ topic, event: forwarded }, watermarkMs);
      places.add(placeOf(forwarded));
    }
  }
  return places;
}

/** Notes the state that is shown of a place; a late event changes what is shown as of the newest one. */
function noteState(states: Map<string, ShownState[]>, run: Run, place: string): void {
  const values = run.output.rows.get(STOCK_CURRENT.name)?.get(place);
  if (values === undefined) return;
  const fromMs = Number(values[AS_OF]);
  const state = String(values[STATE]);
  const shown = states.get(place) ?? [];
  if (shown.at(-1)?.state === state) return;
  if (shown.at(-1)?.fromMs === fromMs) shown.pop();
  states.set(place, [...shown, { fromMs, state }]);
}

function lawEventOf(type: 'order' | 'inventory', value: unknown): LawEvent {
  const time = { nowMs: Number.POSITIVE_INFINITY, clockSkewMs: 0 };
  if (type === 'order') {
    const parsed = parseEvent(type, value, time);
    if (parsed.kind !== 'ok') throw new RangeError(parsed.message);
    const { visitor_id: visitorId } = parsed.event;
    return {
      topic: 'weir.orders',
      event: { ...parsed.event, visitor_id: visitorToken(visitorId) },
    };
  }
  const parsed = parseEvent(type, value, time);
  if (parsed.kind !== 'ok') throw new RangeError(parsed.message);
  return { topic: 'weir.inventory', event: parsed.event };
}
