/**
 * How the stock of one SKU × node stands at one point of its timeline, and what is known of its demand:
 * a list of numbers. A list takes a third of the memory that objects with named fields take, and a shop
 * has a million of these. The slots are named below; the last ones exist from the first sale on.
 */
export type Position = number[];

/** 1 while a count fell among folded changes, so that the units since it are not known exactly. */
export const INEXACT = 0;
/** Oldest and newest instant that the position has passed; 0 before the first, as events are younger than 2001. */
export const OLDEST_MS = 1;
export const NEWEST_MS = 2;
/** The newest count: time (0 when there is none), on hand, reserved, safety. */
export const COUNT_MS = 3;
export const COUNT_ON_HAND = 4;
export const COUNT_RESERVED = 5;
export const COUNT_SAFETY = 6;
/** Units moved, sold and brought back since the newest count; since ever without one. */
export const UNITS = 7;
/** Since when it has been in or out of stock, and the units available then; 0 without a count. */
export const SINCE_MS = 8;
export const SINCE_UNITS = 9;
/** Days until a delivery comes, as the newest event says that names them; 0 when none has. */
export const LEAD_DAYS = 10;
/** Bits of `RISKS`. */
export const RISKS = 11;
/** Since when a stockout has been likely, or was for the last time, the units available then, and until when it was. */
export const RISK_SINCE_MS = 12;
export const RISK_UNITS = 13;
export const RISK_UNTIL_MS = 20;
/** Decayed units sold while in stock (α), the decayed sum of their squares per sale, decayed weighted days in stock (β). */
export const ALPHA = 14;
export const SQUARES = 15;
export const BETA = 16;
/** Up to when the three count; 0 before the first count. */
export const AT_MS = 17;
/** UTC day in hand, in days since the epoch, and days in stock since one with a sale. */
export const DAY = 18;
export const QUIET_DAYS = 19;
export const QUIET_LENGTH = 21;

/** Newest sale while in stock, β just after it, weighted days in stock since. */
export const SALE_MS = 21;
export const SALE_BETA = 22;
export const GAP_DAYS = 23;
/** The day in hand: units sold, weighted days in stock, the rate that was expected at its start. */
export const DAY_UNITS = 24;
export const DAY_WEIGHT = 25;
export const DAY_RATE = 26;
/** Decayed sums over past days: |units − expected|, units. */
export const ERRORS = 27;
export const ACTUALS = 28;
/** Share of days with a sale and units on such a day (TSB); units and days between (Croston). */
export const TSB_SHARE = 29;
export const TSB_SIZE = 30;
export const CROSTON_SIZE = 31;
export const CROSTON_DAYS = 32;
export const FULL_LENGTH = 33;

/** Bits of `RISKS`. */
export const IS_LOW = 1;
export const IS_AT_RISK = 2;
/** There has been a stockout before. */
export const HAS_RUN_OUT = 4;
/** Somebody has been told that it is likely to run out: an incident goes on. */
export const IS_ALARMED = 8;
/** Something came when what happened around it had been folded: what follows from the past may not be exact. */
export const IS_BLURRED = 16;

/** What is known before anything has happened. */
export function createPosition(): Position {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** A slot; 0 where it does not exist yet. */
export function slot(position: readonly number[], index: number): number {
  return position[index] ?? 0;
}

export function isCounted(position: Position): boolean {
  return slot(position, COUNT_MS) !== 0;
}

/** Units available; meaningless without a count. */
export function availableAt(position: Position): number {
  return (
    slot(position, COUNT_ON_HAND) -
    slot(position, COUNT_RESERVED) -
    slot(position, COUNT_SAFETY) +
    slot(position, UNITS)
  );
}

/** Whether it is counted and has nothing available. */
export function isOut(position: Position): boolean {
  return isCounted(position) && availableAt(position) <= 0;
}

/** Whether it is counted and has something available. */
export function isInStock(position: Position): boolean {
  return isCounted(position) && availableAt(position) > 0;
}
