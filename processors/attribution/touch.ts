/**
 * One touch of a visitor. A tuple, because states are stored by the million and names of fields
 * would be a third of their size.
 */
export type Touch = readonly [
  timeMs: number,
  id: string,
  channel: string,
  campaign: string,
  /** Whether it stays a touch when an earlier click turns up in its session. */
  isClick: boolean,
];

/** Places in a `Touch`. */
export const TIME = 0;
export const ID = 1;
export const CHANNEL = 2;
export const CAMPAIGN = 3;
export const IS_CLICK = 4;

/** Whether `a` comes before `b`: by event time, ties by event id. */
export function isEarlier(a: Touch, b: Touch): boolean {
  return a[TIME] < b[TIME] || (a[TIME] === b[TIME] && a[ID] < b[ID]);
}

/** Index of the first touch after `timeMs`; `touches` are in order of time. */
export function indexAfter(touches: readonly Touch[], timeMs: number): number {
  let low = 0;
  let high = touches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const touch = touches[middle];
    if (touch !== undefined && touch[TIME] <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
