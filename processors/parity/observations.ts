import type { Price } from './gap.ts';

/** One price as a channel showed it from `timeMs` on. */
export interface Observation extends Price {
  readonly timeMs: number;
  readonly eventId: string;
  /** Empty for the list price. */
  readonly promoId: string;
}

/** The observations of one channel in the order of event time, ties by event id. */
export type Observations = readonly Observation[];

/** The list with one more observation in its place. */
export function insertObservation(list: Observations, taken: Observation): Observation[] {
  const newest = list.at(-1);
  // A concatenated list is as long as its elements; one that was spread has room for more.
  if (newest === undefined || !isAfter(newest, taken)) return list.concat(taken);
  const at = list.findLastIndex((each) => !isAfter(each, taken)) + 1;
  return list.slice(0, at).concat(taken, list.slice(at));
}

/**
 * The list without what no longer says anything at or after `fromMs`: all but the newest observation
 * until then, and of the reference channel also the newest list price until then.
 */
export function forgetObservations(list: Observations, fromMs: number): Observations {
  const inForce = list.findLastIndex(({ timeMs }) => timeMs <= fromMs);
  if (inForce <= 0) return list;
  const listPrice = list.findLastIndex(({ timeMs, promoId }) => timeMs <= fromMs && promoId === '');
  const kept = list.slice(inForce);
  const newest = list[listPrice];
  return listPrice >= 0 && listPrice < inForce && newest !== undefined ? [newest, ...kept] : kept;
}

/**
 * What a price of promotion `promoId` is compared with while the newest observation of the reference
 * channel is at `index`: the same promotion there, if it is on, else the newest list price.
 */
export function referenceAt(
  list: Observations,
  index: number,
  promoId: string,
): Observation | undefined {
  const newest = list[index];
  if (newest === undefined || newest.promoId === promoId) return newest;
  for (let at = index; at >= 0; at -= 1) {
    const each = list[at];
    if (each?.promoId === '') return each;
  }
  return undefined;
}

function isAfter(a: Observation, b: Observation): boolean {
  return a.timeMs > b.timeMs || (a.timeMs === b.timeMs && a.eventId > b.eventId);
}
