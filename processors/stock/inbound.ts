/**
 * Announced deliveries of one SKU × node, flat: announced, due (UTC milliseconds), units, lead time in
 * days or 0; rising in this order.
 */
export type Inbound = readonly number[];
export const INBOUND_LENGTH = 4;

/** A delivery as it is announced. */
export interface Delivery {
  /** When it was announced. */
  readonly timeMs: number;
  readonly dueMs: number;
  readonly units: number;
  /** Days from order to delivery; 0 when the announcement does not say. */
  readonly leadDays: number;
}

/** Deliveries remembered per SKU × node whatever their age: months of daily ones. */
export const INBOUND_KEPT = 64;

/** Deliveries remembered per SKU × node at most. Beyond it the first announced goes. */
const INBOUND_MAX = 256;

/** The deliveries with another one, and whether the first announced had to go for it. */
export function withDelivery(
  inbound: Inbound | null,
  delivery: Delivery,
): { readonly inbound: number[]; readonly isFull: boolean } {
  const entry = [delivery.timeMs, delivery.dueMs, delivery.units, delivery.leadDays];
  const before = inbound ?? [];
  let at = 0;
  while (at < before.length && isBefore(before, at, entry)) at += INBOUND_LENGTH;
  const longer = before.slice(0, at).concat(entry, before.slice(at));
  const isFull = longer.length > INBOUND_MAX * INBOUND_LENGTH;
  return { inbound: isFull ? longer.slice(INBOUND_LENGTH) : longer, isFull };
}

/** The deliveries without those that were announced, and due, before `knownMs`; null when none is left. */
export function inboundAfter(inbound: number[] | null, knownMs: number): number[] | null {
  if (inbound === null) return null;
  const kept: number[] = [];
  for (let at = 0; at < inbound.length; at += INBOUND_LENGTH) {
    if (numberAt(inbound, at) > knownMs || numberAt(inbound, at + 1) >= knownMs) {
      kept.push(...inbound.slice(at, at + INBOUND_LENGTH));
    }
  }
  if (kept.length === inbound.length) return inbound;
  return kept.length === 0 ? null : kept.slice();
}

/** When the first delivery was announced after `timeMs`; Infinity without one. */
export function firstAnnouncedAfter(inbound: Inbound | null, timeMs: number): number {
  const list = inbound ?? [];
  for (let at = 0; at < list.length; at += INBOUND_LENGTH) {
    if (numberAt(list, at) > timeMs) return numberAt(list, at);
  }
  return Number.POSITIVE_INFINITY;
}

/** Units announced by `timeMs` and due after it, at most at `untilMs`. */
export function inboundUnits(
  inbound: Inbound | null,
  timeMs: number,
  untilMs = Number.POSITIVE_INFINITY,
): number {
  const list = inbound ?? [];
  let units = 0;
  for (let at = 0; at < list.length && numberAt(list, at) <= timeMs; at += INBOUND_LENGTH) {
    const dueMs = numberAt(list, at + 1);
    if (dueMs > timeMs && dueMs <= untilMs) units += numberAt(list, at + 2);
  }
  return units;
}

/** When deliveries are due that were announced by `timeMs`: after it, at most at `untilMs`; each instant once. */
export function duesBetween(
  inbound: Inbound | null,
  timeMs: number,
  untilMs: number,
): readonly number[] {
  if (inbound === null) return [];
  const dues = new Set<number>();
  for (let at = 0; at < inbound.length && numberAt(inbound, at) <= timeMs; at += INBOUND_LENGTH) {
    const dueMs = numberAt(inbound, at + 1);
    if (dueMs > timeMs && dueMs <= untilMs) dues.add(dueMs);
  }
  return [...dues];
}

/** The lead time that the deliveries announced at `timeMs` name, days; 0 when none does. */
export function leadDaysAt(inbound: Inbound | null, timeMs: number): number {
  const list = inbound ?? [];
  let leadDays = 0;
  for (let at = 0; at < list.length; at += INBOUND_LENGTH) {
    if (list[at] === timeMs && numberAt(list, at + 3) > 0) leadDays = numberAt(list, at + 3);
  }
  return leadDays;
}

/** Whether the delivery at `at` comes before `entry`: by announcement, due time, units, lead time. */
function isBefore(inbound: Inbound, at: number, entry: Inbound): boolean {
  for (let index = 0; index < INBOUND_LENGTH; index += 1) {
    const difference = numberAt(inbound, at + index) - numberAt(entry, index);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function numberAt(list: Inbound, index: number): number {
  return list[index] ?? 0;
}
