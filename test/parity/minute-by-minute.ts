import { MINUTE_MS } from '../../schemas/time.ts';
import type { LawEvent } from '../laws/law-event.ts';

/** The rules in minutes and ratios. */
export interface MinuteRules {
  readonly dwellMinutes: number;
  readonly staleMinutes: number;
  readonly tolerance: number;
  readonly fxBand: number;
  /** Tax inside the prices of a channel. */
  readonly taxOf: Readonly<Record<string, number>>;
}

interface Observed {
  readonly timeMs: number;
  readonly id: string;
  readonly minor: number;
  readonly currency: string;
  readonly promo: string;
  readonly taxed: boolean;
}

/** What one minute of a channel is like. */
export interface Minute {
  readonly timeMs: number;
  /** Whether the channel has ever had a price. */
  readonly hasPrice: boolean;
  readonly isKnown: boolean;
  readonly isSilent: boolean;
  readonly gap: number;
  readonly side: number;
  readonly status: number;
  readonly cause: string;
  readonly opened: number;
}

/** Units of the minor unit: both currencies of the tests have two digits. */
const MINOR = 100;

/**
 * Follows one channel minute by minute from the events alone: at every minute it looks for the newest
 * observations by scanning all events, and moves the status. All events are on whole minutes.
 */
export function minuteByMinute(
  events: readonly LawEvent[],
  place: { readonly sku: string; readonly channel: string; readonly untilMs: number },
  rules: MinuteRules,
): readonly Minute[] {
  const prices = observed(events, place.sku, place.channel);
  const references = observed(events, place.sku, 'dtc');
  const firstMs = Math.min(...events.map(({ event }) => event.occurred_at));
  const minutes: Minute[] = [];
  let status = 0;
  let opened = 0;
  let cause = '';
  let run = 0;
  let runStart = 0;
  let runCause = '';
  let anchorFx = 0;
  let before: { price: number; reference: number; fx: number } | undefined;
  let wasKnown = false;
  for (let timeMs = firstMs; timeMs <= place.untilMs; timeMs += MINUTE_MS) {
    const price = newest(prices, timeMs);
    const heard = newest(references, timeMs);
    const reference =
      heard?.promo === price?.promo
        ? heard
        : newest(
            references.filter(({ promo }) => promo === ''),
            timeMs,
          );
    const fx = price && reference && rateAt(events, [reference.currency, price.currency], timeMs);
    const values =
      price === undefined || reference === undefined || fx === undefined
        ? undefined
        : { price: net(price, place.channel, rules), reference: net(reference, 'dtc', rules), fx };
    const oldestMs = Math.min(price?.timeMs ?? 0, heard?.timeMs ?? 0);
    const isSilent = values !== undefined && timeMs >= oldestMs + rules.staleMinutes * MINUTE_MS;
    const isKnown = values !== undefined && !isSilent;
    let gap = Number.NaN;
    let side = 0;
    if (isKnown && price !== undefined) {
      gap = values.price / (values.fx * values.reference) - 1;
      const parity =
        values.fx *
        values.reference *
        MINOR *
        (price.taxed ? 1 + (rules.taxOf[place.channel] ?? 0) : 1);
      const deviation = price.minor - parity;
      const limit = Math.max(parity * rules.tolerance, 1);
      // A hair's breadth, because the two ways of computing round differently.
      side = Math.abs(deviation) <= limit + 1e-9 ? 0 : Math.sign(deviation);
      const halfSide = Math.abs(deviation) <= limit / 2 + 1e-9 ? 0 : Math.sign(deviation);
      const isOwn =
        !wasKnown || before?.price !== values.price || before.reference !== values.reference;
      const ratio = values.price / values.reference;
      const isPush =
        isOwn &&
        (!wasKnown || before === undefined || (ratio - before.price / before.reference) * side > 0);
      if (isOwn && (side === 0 || isPush)) anchorFx = values.fx;
      const isBegun = isPush || Math.abs(values.fx / anchorFx - 1) > rules.fxBand;
      const nextRun = side !== 0 && (isBegun || side === run) ? side : 0;
      if (status !== 0 && halfSide !== status) [status, opened, cause] = [0, 0, ''];
      if (nextRun !== run) {
        runStart = timeMs;
        runCause = isPush ? largest(before, values, nextRun) : 'fx';
      }
      run = nextRun;
    } else {
      run = 0;
    }
    if (values !== undefined) before = values;
    if (run !== 0 && status === 0) {
      const entry = runStart + rules.dwellMinutes * MINUTE_MS;
      if (entry <= timeMs) [status, opened, cause] = [run, entry, runCause];
    }
    wasKnown = isKnown;
    const hasPrice = price !== undefined;
    minutes.push({ timeMs, hasPrice, isKnown, isSilent, gap, side, status, cause, opened });
  }
  return minutes;
}

/** The drifts that the minutes show: when each opened and ended, and its cause. */
export function driftsOf(minutes: readonly Minute[]): readonly string[] {
  const drifts = new Map<number, string>();
  let last: Minute | undefined;
  for (const minute of minutes) {
    if (last !== undefined && last.status !== 0 && minute.opened !== last.opened) {
      drifts.set(last.opened, `${last.opened} ${minute.timeMs} ${last.cause} ${last.status}`);
    }
    if (minute.status !== 0) {
      drifts.set(minute.opened, `${minute.opened} open ${minute.cause} ${minute.status}`);
    }
    last = minute;
  }
  return [...drifts.values()];
}

function observed(events: readonly LawEvent[], sku: string, channel: string): Observed[] {
  return events.flatMap(({ topic, event }) => {
    if (topic !== 'weir.inventory' || event.kind !== 'price') return [];
    if (event.sku !== sku || event.channel !== channel) return [];
    return [
      {
        timeMs: event.occurred_at,
        id: event.event_id,
        minor: event.price_minor ?? 0,
        currency: event.currency ?? '',
        promo: event.promo_id ?? '',
        taxed: event.tax_included === true,
      },
    ];
  });
}

function newest(all: readonly Observed[], timeMs: number): Observed | undefined {
  let found: Observed | undefined;
  for (const each of all) {
    if (each.timeMs > timeMs) continue;
    const isNewer =
      found === undefined ||
      each.timeMs > found.timeMs ||
      (each.timeMs === found.timeMs && each.id > found.id);
    if (isNewer) found = each;
  }
  return found;
}

function rateAt(
  events: readonly LawEvent[],
  [from, to]: readonly [string, string],
  timeMs: number,
): number | undefined {
  if (from === to) return 1;
  let found: { timeMs: number; id: string; rate: number } | undefined;
  for (const { topic, event } of events) {
    if (topic !== 'weir.internal.sku' || event.kind !== 'rate') continue;
    const isStraight = event.base === from && event.quote === to;
    if (!isStraight && !(event.base === to && event.quote === from)) continue;
    if (event.occurred_at > timeMs) continue;
    const rate = isStraight ? Number(event.rate) : 1 / Number(event.rate);
    const isNewer =
      found === undefined ||
      event.occurred_at > found.timeMs ||
      (event.occurred_at === found.timeMs && event.event_id > found.id);
    if (isNewer) found = { timeMs: event.occurred_at, id: event.event_id, rate };
  }
  return found?.rate;
}

function net({ minor, taxed }: Observed, channel: string, rules: MinuteRules): number {
  return minor / MINOR / (taxed ? 1 + (rules.taxOf[channel] ?? 0) : 1);
}

function largest(
  before: { price: number; reference: number; fx: number } | undefined,
  after: { price: number; reference: number; fx: number },
  side: number,
): string {
  if (before === undefined) return 'price';
  const parts = {
    price: Math.log(after.price / before.price),
    reference: -Math.log(after.reference / before.reference),
    fx: -Math.log(after.fx / before.fx),
  };
  if (parts.reference * side > Math.max(parts.price * side, parts.fx * side)) return 'reference';
  return parts.fx * side > parts.price * side ? 'fx' : 'price';
}
