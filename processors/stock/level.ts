/** An absolute count: what a person or a system found there at `timeMs`. */
export interface Count {
  readonly timeMs: number;
  readonly eventId: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly safety: number;
}

/** A stretch of event time in which a counted node had nothing available. */
export interface Outage {
  readonly openedMs: number;
  /** Units available when it opened. */
  readonly openedUnits: number;
  /** Null while it goes on. */
  readonly resolvedMs: number | null;
}

/**
 * How the stock of one SKU × node stands at one point of its timeline: three slots of a list of
 * numbers, from an index on, that the per-event path shares with everything else it keeps of a node.
 */
export const LEVEL_LENGTH = 3;
/** Units moved, sold and brought back since the newest count; since ever without one. */
export const UNITS = 0;
/** Since when it has been in or out of stock; meaningless without a count. */
export const SINCE_MS = 1;
/** Units available at that time. */
export const SINCE_UNITS = 2;

/** Units available at a count when `units` have come or gone since. */
export function availableAfter(count: Count, units: number): number {
  return count.onHand - count.reserved - count.safety + units;
}

/** Moves the level at `level[at]` over a change; `base` is `baseOf` its count. */
export function stepChange(
  base: number | undefined,
  level: number[],
  at: number,
  change: { readonly timeMs: number; readonly units: number },
): void {
  const wasOut = isOutAt(base, level, at);
  level[at + UNITS] = numberAt(level, at + UNITS) + change.units;
  if (isOutAt(base, level, at) !== wasOut) markSince(base, level, at, change.timeMs);
}

/** Moves the level at `level[at]` over a count; `base` is `baseOf` the count before. */
export function stepCount(
  base: number | undefined,
  level: number[],
  at: number,
  count: Count,
): void {
  const wasOut = isOutAt(base, level, at);
  level[at + UNITS] = 0;
  const after = baseOf(count);
  if (base === undefined || isOutAt(after, level, at) !== wasOut) {
    markSince(after, level, at, count.timeMs);
  }
}

/** Lets the level at `level[at]` be in or out of stock since `timeMs`. */
export function markSince(
  base: number | undefined,
  level: number[],
  at: number,
  timeMs: number,
): void {
  level[at + SINCE_MS] = timeMs;
  level[at + SINCE_UNITS] = (base ?? 0) + numberAt(level, at + UNITS);
}

/** Whether the level at `level[at]` is counted and has nothing available. */
export function isOutAt(base: number | undefined, level: readonly number[], at: number): boolean {
  return base !== undefined && base + numberAt(level, at + UNITS) <= 0;
}

/** The outage that goes on at the level at `level[at]`. */
export function outageAt(level: readonly number[], at: number): Outage {
  return {
    openedMs: numberAt(level, at + SINCE_MS),
    openedUnits: numberAt(level, at + SINCE_UNITS),
    resolvedMs: null,
  };
}

/** Units available at a count itself, undefined without one. */
export function baseOf(count: Count | undefined): number | undefined {
  return count === undefined ? undefined : availableAfter(count, 0);
}

/** An element that is known to be there. */
export function numberAt(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0;
}
