import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { DAY_MS } from '../../schemas/time.ts';

/** One exchange rate: units of the quote currency for one of the base, from `timeMs` on. */
interface Rate {
  readonly timeMs: number;
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

/** Takes a rate; false when it changes nothing. */
export function takeRate(
  rates: Rates,
  event: SkuEvent,
  options: { readonly watermarkMs: number; readonly allowedLatenessMs: number },
): boolean {
  const { base, quote, rate, occurred_at: timeMs, event_id: eventId } = event;
  if (typeof base !== 'string' || typeof quote !== 'string' || typeof rate !== 'number')
    return false;
  const pair = `${base}/${quote}`;
  const before = rates.pairs[pair] ?? [];
  const at = before.findLastIndex((other) => !isAfter(other, { timeMs, eventId })) + 1;
  const same = before[at - 1];
  if (same !== undefined && same.timeMs === timeMs && same.eventId === eventId) return false;
  rates.version += 1;
  const taken = { timeMs, eventId, rate, version: rates.version };
  const all = [...before.slice(0, at), taken, ...before.slice(at)];
  const keptFromMs = options.watermarkMs - options.allowedLatenessMs - KEPT_MS;
  // The newest of the old ones is still in force.
  const inForce = all.findLastIndex((each) => each.timeMs <= keptFromMs);
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

function isAfter(
  a: Pick<Rate, 'timeMs' | 'eventId'>,
  b: Pick<Rate, 'timeMs' | 'eventId'>,
): boolean {
  return a.timeMs > b.timeMs || (a.timeMs === b.timeMs && a.eventId > b.eventId);
}
