import { EngineError } from '../../schemas/errors.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';

/** Offsets remembered at a time: a quarter of a year in quarters of an hour, or a year of scattered days. */
const OFFSETS_MAX = 10_000;

/** Turns wall-clock times of one time zone into instants. */
export class LocalTime {
  readonly #format: Intl.DateTimeFormat | undefined;
  readonly #offsetOfQuarter = new Map<number, number>();

  /**
   * @param zone an IANA name such as `Europe/London`, or `UTC`
   * @throws {EngineError} IMPORT_OPTION_INVALID for a name that is no time zone
   */
  constructor(zone: string) {
    if (zone === 'UTC') return;
    try {
      this.#format = new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch (cause) {
      throw new EngineError({
        code: 'IMPORT_OPTION_INVALID',
        kind: 'fatal',
        message: `Expected an IANA time zone such as Europe/London, got ${JSON.stringify(zone)}`,
        cause,
      });
    }
  }

  /**
   * The instant of a wall-clock time. An hour that the clock shows twice means the first one; an hour
   * that it skips counts on from before the change.
   *
   * @param localMs the wall-clock time as if it were UTC
   */
  instantMs(localMs: number): number {
    if (this.#format === undefined) return localMs;
    const before = localMs - this.#offsetMs(localMs - DAY_MS);
    const after = localMs - this.#offsetMs(localMs + DAY_MS);
    const isShown = (instantMs: number): boolean =>
      instantMs + this.#offsetMs(instantMs) === localMs;
    if (isShown(before) && isShown(after)) return Math.min(before, after);
    return isShown(after) ? after : before;
  }

  /** How far the zone's clock is ahead of UTC. All changes of zones in use happen on a quarter of an hour. */
  #offsetMs(instantMs: number): number {
    const quarter = Math.floor(instantMs / (HOUR_MS / 4));
    const known = this.#offsetOfQuarter.get(quarter);
    if (known !== undefined) return known;
    const startMs = quarter * (HOUR_MS / 4);
    const parts = new Map<string, number>();
    for (const { type, value } of this.#format?.formatToParts(startMs) ?? [])
      parts.set(type, Number(value));
    const part = (name: string): number => parts.get(name) ?? 0;
    const shownMs = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    if (this.#offsetOfQuarter.size >= OFFSETS_MAX) this.#offsetOfQuarter.clear();
    this.#offsetOfQuarter.set(quarter, shownMs - startMs);
    return shownMs - startMs;
  }
}

const LOCAL_TIME = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$/;

/**
 * The wall-clock time of a text such as `2011-11-01 08:16:00` as if it were UTC, in milliseconds;
 * undefined when it is none, or no date of the calendar.
 */
export function parseLocalMs(text: string): number | undefined {
  const match = LOCAL_TIME.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return calendarMs({ year, month, day, hour, minute, second });
}

/** The milliseconds of a date and time as if they were UTC; undefined for the 30th of February and the like. */
export function calendarMs(time: {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}): number | undefined {
  const { year, month, day, hour, minute, second } = time;
  if (hour > 23 || minute > 59 || second > 59 || month < 1 || month > 12 || day < 1)
    return undefined;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}
