import { DAY_MS } from '../../schemas/time.ts';
import { startOfDay } from '../engine/operator/standing.ts';

/**
 * The days that evidence covers: start (inclusive) and end (exclusive) of each stretch in UTC
 * milliseconds and the place of its reason, flat, in rising order; stretches do not touch. A function of
 * the set of what was added, whatever the order.
 */
export type Coverage = readonly number[];

/** Numbers per stretch. */
export const STRETCH_WIDTH = 3;

/**
 * Stretches kept of one visitor. Each is longer than a verdict holds, so eight are most of a year; of
 * more the oldest is forgotten: what it has withdrawn stays withdrawn until something else reaches it.
 */
const STRETCHES_MAX = 8;

/** How far evidence reaches; whole days in milliseconds. */
export interface Reach {
  readonly reachMs: number;
  readonly heldMs: number;
}

/** When something was seen, UTC milliseconds, ends included, and the place of the reason. */
export interface Evidence {
  readonly fromMs: number;
  readonly toMs: number;
  readonly place: number;
}

/**
 * `coverage` with one more piece of evidence; the same array when it changes nothing. Stretches that
 * meet become one, with the reason that counts most.
 */
export function withEvidence(
  coverage: Coverage,
  { fromMs, toMs, place }: Evidence,
  { reachMs, heldMs }: Reach,
): Coverage {
  return withStretch(coverage, {
    start: startOfDay(fromMs) - reachMs,
    end: startOfDay(toMs) + DAY_MS + heldMs,
    place,
  });
}

function withStretch(
  coverage: Coverage,
  stretch: { readonly start: number; readonly end: number; readonly place: number },
): Coverage {
  let { start, end, place: reason } = stretch;
  const others: number[] = [];
  for (let at = 0; at < coverage.length; at += STRETCH_WIDTH) {
    const [otherStart = 0, otherEnd = 0, otherPlace = 0] = coverage.slice(at, at + STRETCH_WIDTH);
    if (otherEnd < start || otherStart > end) {
      others.push(otherStart, otherEnd, otherPlace);
      continue;
    }
    if (otherStart <= start && otherEnd >= end && otherPlace <= stretch.place) return coverage;
    start = Math.min(start, otherStart);
    end = Math.max(end, otherEnd);
    reason = Math.min(reason, otherPlace);
  }
  let at = 0;
  while (at < others.length && (others[at] ?? 0) < start) at += STRETCH_WIDTH;
  others.splice(at, 0, start, end, reason);
  return others.length > STRETCHES_MAX * STRETCH_WIDTH ? others.slice(STRETCH_WIDTH) : others;
}

/** The evidence of two ids as that of one visitor. */
export function mergedCoverage(one: Coverage, other: Coverage): Coverage {
  let merged = one;
  for (let at = 0; at < other.length; at += STRETCH_WIDTH) {
    const [start = 0, end = 0, place = 0] = other.slice(at, at + STRETCH_WIDTH);
    merged = withStretch(merged, { start, end, place });
  }
  return merged;
}

/** What of `coverage` lies at or after `fromMs`. */
export function startingAt(coverage: Coverage, fromMs: number): Coverage {
  const rest: number[] = [];
  for (let at = 0; at < coverage.length; at += STRETCH_WIDTH) {
    const [start = 0, end = 0, place = 0] = coverage.slice(at, at + STRETCH_WIDTH);
    if (end > fromMs) rest.push(Math.max(start, fromMs), end, place);
  }
  return rest;
}
