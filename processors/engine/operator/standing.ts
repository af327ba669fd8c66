import { DAY_MS } from '../../../schemas/time.ts';

/** 0 is suspicion only; 1 general and 2 sophisticated invalid traffic are withdrawn from every number. */
export type VerdictTier = 0 | 1 | 2;

/** A stretch of a visitor's time that a verdict is about. */
export interface StandingSpan {
  /** UTC milliseconds; `fromMs` inclusive, `untilMs` exclusive: whole UTC days, of tier 0 whole minutes. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly tier: VerdictTier;
  /** Reason code of the verdict, from the closed list of the operator that judges. */
  readonly reason: string;
}

/**
 * What is held of a visitor: spans in rising order that do not overlap; no span is a person. What
 * happened in a span of tier 1 or 2 counts nowhere but in gross numbers.
 */
export type Standing = readonly StandingSpan[];

/** The standing of whoever nothing is held against. */
export const HUMAN: Standing = [];

/**
 * The standing of whoever is not here: before its state came to this key, or after it left for another.
 * What it did counts nowhere, not as withdrawn either. Compared by identity.
 */
export const GONE: Standing = [{ fromMs: -Infinity, untilMs: Infinity, tier: 2, reason: 'gone' }];

/** How the standing of a key changed with the record in hand. */
export interface StandingChange {
  readonly before: Standing;
  readonly after: Standing;
}

/** What is held of `timeMs`; undefined when it is a person's. Equal within a UTC minute. */
export function spanAt(standing: Standing | undefined, timeMs: number): StandingSpan | undefined {
  if (standing === undefined) return undefined;
  for (const span of standing) if (timeMs >= span.fromMs && timeMs < span.untilMs) return span;
  return undefined;
}

/** Whether what happened at `timeMs` is withdrawn. Equal within a UTC day. */
export function isWithdrawn(standing: Standing | undefined, timeMs: number): boolean {
  return (spanAt(standing, timeMs)?.tier ?? 0) !== 0;
}

/** Start of the UTC day that contains `instantMs`. */
export function startOfDay(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS) * DAY_MS;
}
