import { type Brand, brandAs } from './brand.ts';
import { EngineError } from './errors.ts';

/** A length of time in milliseconds, an integer, zero or more. */
export type DurationMs = Brand<number, 'DurationMs'>;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/**
 * Oldest event time that is believed (9 September 2001): clock defaults such as 1970 and 1980 lie before
 * it, and from here to 2286 instants have 13 digits, so they sort as text in store keys.
 */
export const EVENT_TIME_MS_MIN = 1_000_000_000_000;

/** @throws {EngineError} TIME_INVALID when `value` is negative or not a safe integer. */
export function durationMs(value: number): DurationMs {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new EngineError({
      code: 'TIME_INVALID',
      kind: 'fatal',
      message: `Expected a duration of zero or more whole milliseconds, got ${value}`,
    });
  }
  return brandAs(value);
}

const MINUTES_PER_HOUR = HOUR_MS / MINUTE_MS;

/** The day that a text was asked for last, as most are of one day; a calendar takes longer than the rest. */
let named = { day: 0, text: '1970-01-01' };

/** Such as `2026-03-01 10:40 UTC`. */
export function minuteText(instantMs: number): string {
  const day = Math.floor(instantMs / DAY_MS);
  if (day !== named.day) {
    named = { day, text: new Date(day * DAY_MS).toISOString().slice(0, -'T00:00:00.000Z'.length) };
  }
  const minutes = Math.floor((instantMs - day * DAY_MS) / MINUTE_MS);
  const hour = Math.floor(minutes / MINUTES_PER_HOUR);
  return `${named.text} ${twoDigits(hour)}:${twoDigits(minutes % MINUTES_PER_HOUR)} UTC`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
