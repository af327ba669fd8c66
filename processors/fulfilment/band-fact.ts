import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import { derivedEventId } from '../engine/operator/derived-event-id.ts';
import type { Output } from '../engine/operator/operator.ts';
import type { OrderParts } from './promises.ts';
import { BANDS } from './row.ts';

/**
 * What a zone learns of one of its orders; hours are counted from the epoch. Without `withinHours` and
 * `cancelledHour` it is that the order was placed; with one of them, that it was delivered or cancelled.
 */
export interface BandFact {
  readonly zone: string;
  readonly placedHour: number;
  /** The least band that the delivery took no longer than; null when it is about no delivery. */
  readonly withinHours: number | null;
  /** The hour from which on it is no order any more; null when it is about no cancellation. */
  readonly cancelledHour: number | null;
}

/** The event that told something of an order. */
export interface Cause {
  readonly eventId: string;
  readonly timeMs: number;
  readonly source: string;
}

/** How long an order counts for a band once its hours are over: a day of placing is judged. */
export const JUDGED_HOURS = 24;

const ZONES: ReadonlySet<string> = new Set(BANDS.map(({ zone }) => zone));
const BAND_HOURS = [...new Set(BANDS.map(({ hours }) => hours))].toSorted((a, b) => a - b);
const HOURS_MAX = Math.max(...BAND_HOURS);

/** What the zones are to know of orders. What can change no band is left out, so that it is no news. */
export function bandFactsOf(orders: readonly OrderParts[]): readonly BandFact[] {
  const facts: BandFact[] = [];
  for (const { placed, delivered, cancelled, isVoid } of orders) {
    if (placed === undefined || !ZONES.has(placed.zone)) continue;
    const placedHour = Math.floor(placed.timeMs / HOUR_MS);
    const fact = { zone: placed.zone, placedHour, withinHours: null, cancelledHour: null };
    facts.push(fact);
    if (isVoid && cancelled !== undefined) {
      const cancelledHour = Math.ceil(cancelled.timeMs / HOUR_MS);
      if (cancelledHour <= placedHour + HOURS_MAX + JUDGED_HOURS)
        facts.push({ ...fact, cancelledHour });
    } else if (delivered !== undefined) {
      const cycleMs = delivered.timeMs - placed.timeMs;
      const withinHours = BAND_HOURS.find((hours) => cycleMs <= hours * HOUR_MS);
      if (withinHours !== undefined) facts.push({ ...fact, withinHours });
    }
  }
  return facts;
}

/** Tells the zones what `after` has and `before` had not, as consequences of one event. */
export function forwardBandFacts(
  before: readonly BandFact[],
  after: readonly BandFact[],
  { event, output }: { readonly event: Cause; readonly output: Output },
): void {
  const gone = [...before];
  const added = after.filter((fact) => {
    const index = gone.findIndex((other) => isSame(fact, other));
    if (index >= 0) gone.splice(index, 1);
    return index < 0;
  });
  const changes = [
    ...added.map((fact) => ({ fact, sign: 1 })),
    ...gone.map((fact) => ({ fact, sign: -1 })),
  ];
  for (const [index, { fact, sign }] of changes.entries()) {
    const { zone, placedHour, withinHours, cancelledHour } = fact;
    output.forward('weir.internal.sku', zone, {
      event_id: derivedEventId(`${event.eventId}/promised`, index),
      occurred_at: event.timeMs,
      source: event.source,
      sku: zone,
      kind: 'promised',
      node_id: null,
      quantity: 0,
      demand: sign,
      order_id: null,
      sales_channel: null,
      alert_id: null,
      actor: null,
      placed_at: placedHour * HOUR_MS,
      within_hours: withinHours,
      cancelled_at: cancelledHour === null ? null : cancelledHour * HOUR_MS,
    });
  }
}

/** The fact in a `promised` event; undefined when it is none. */
export function bandFactIn(event: SkuEvent): BandFact | undefined {
  const { placed_at: placedMs = null, cancelled_at: cancelledMs = null } = event;
  if (placedMs === null) return undefined;
  return {
    zone: event.sku,
    placedHour: Math.floor(placedMs / HOUR_MS),
    withinHours: event.within_hours ?? null,
    cancelledHour: cancelledMs === null ? null : Math.floor(cancelledMs / HOUR_MS),
  };
}

function isSame(a: BandFact, b: BandFact): boolean {
  return (
    a.zone === b.zone &&
    a.placedHour === b.placedHour &&
    a.withinHours === b.withinHours &&
    a.cancelledHour === b.cancelledHour
  );
}
