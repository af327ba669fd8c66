import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';

/** One exchange rate: units of the quote currency for one of the base, from `timeMs` on. */
interface Rate {
  /** From when on it holds here. */
  readonly timeMs: number;
  /** From when on it was said to hold: earlier, when it came too late to change what is final. */
  readonly statedMs: number;
  readonly eventId: string;
  readonly rate: number;
  /** The count of rates that had been taken when this one was: what a key has seen is a count. */
  readonly version: number;
}

/** The exchange rates that all SKUs of a task share. Plain data. */
export interface Rates {
  /** How many have been taken, ever. */
  version: number;
  /** By `base/quote`, oldest first, ties by event id. */
  readonly pairs: Record<string, Rate[]>;
}

/**
 * How long a rate that a newer one has replaced is kept beyond the allowed lateness: a SKU that has not
 * been looked at for so long does not exist, because every new rate looks at all of them.
 */
const KEPT_MS = 30 * DAY_MS;

/** Rates kept of one pair; a rate a minute reaches back three days and a half. */
const RATES_MAX = 5_000;

/** No rates yet. */
export function createRates(): Rates {
  return { version: 0, pairs: {} };
}

/**
 * Takes a rate; false when it changes nothing. One that comes later than the allowed lateness holds from
 * the first moment that can still change, unless a newer one does.
 */
export function takeRate(
  rates: Rates,
  event: SkuEvent,
  options: { readonly watermarkMs: number; readonly allowedLatenessMs: number },
): boolean {
  const { base, quote, rate, occurred_at: statedMs, event_id: eventId } = event;
  if (typeof base !== 'string' || typeof quote !== 'string' || typeof rate !== 'number')
    return false;
  const pair = `${base}/${quote}`;
  const before = rates.pairs[pair] ?? [];
  // A minute more, as late events are refused by the minute.
  const finalMs = options.watermarkMs - options.allowedLatenessMs - MINUTE_MS;
  const timeMs = Math.max(statedMs, finalMs + 1);
  const taken = { timeMs, statedMs, eventId, rate, version: rates.version + 1 };
  const inverse = rates.pairs[`${quote}/${base}`] ?? [];
  const isReplaced = (other: Rate): boolean =>
    other.timeMs <= timeMs && isAfter({ ...other, timeMs }, taken);
  if (timeMs > statedMs && (before.some(isReplaced) || inverse.some(isReplaced))) return false;
  const at = before.findLastIndex((other) => !isAfter(other, taken)) + 1;
  const same = before[at - 1];
  if (same !== undefined && same.statedMs === statedMs && same.eventId === eventId) return false;
  rates.version += 1;
  const all = [...before.slice(0, at), taken, ...before.slice(at)];
  // The newest of the old ones is still in force.
  const inForce = all.findLastIndex((each) => each.timeMs <= finalMs - KEPT_MS);
  rates.pairs[pair] = all.slice(Math.max(inForce, all.length - RATES_MAX, 0));
  return true;
}

/** The rates that convert `from` into `to` and had been taken by `version`, oldest first. */
export function conversionsOf(
  rates: Rates,
  { from, to }: { readonly from: string; readonly to: string },
  version: number,
): readonly { readonly timeMs: number; readonly rate: number }[] {
  const isAll = version >= rates.version;
  const straight = seenOf(rates.pairs[`${from}/${to}`], isAll ? Infinity : version);
  const inverse = seenOf(rates.pairs[`${to}/${from}`], isAll ? Infinity : version);
  if (inverse.length === 0) return straight;
  const inverted = inverse.map((each) => ({ ...each, rate: 1 / each.rate }));
  return [...straight, ...inverted].toSorted((a, b) => (isAfter(a, b) ? 1 : -1));
}

function seenOf(all: readonly Rate[] | undefined, version: number): readonly Rate[] {
  if (all === undefined) return [];
  return version === Infinity ? all : all.filter((each) => each.version <= version);
}

/** Of two that hold from one moment on, the one that was said to hold later, then that with the greater id. */
function isAfter(a: Order, b: Order): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs > b.timeMs;
  if (a.statedMs !== b.statedMs) return a.statedMs > b.statedMs;
  return a.eventId > b.eventId;
}

type Order = Pick<Rate, 'timeMs' | 'statedMs' | 'eventId'>;
