import { MINUTE_MS } from '../../schemas/time.ts';
import type { MinuteTruth } from './truth.ts';

/** Columns of a minute's totals, by position: one array per minute is cheaper than an object per event. */
export const COLUMN = {
  impressions: 0,
  clicksGross: 1,
  clicksBot: 2,
  orders: 3,
  units: 4,
  revenueMinor: 5,
  returnsMinor: 6,
} as const;
export type Column = (typeof COLUMN)[keyof typeof COLUMN];

const COLUMN_COUNT = Object.keys(COLUMN).length;

/** A channel of either kind; `currency` where it sells. */
export interface TotalsChannel {
  readonly name: string;
  readonly currency: string | undefined;
}

/** Totals per minute and channel of the minutes that can still change. */
export class MinuteTotals {
  readonly #channels: readonly TotalsChannel[];
  readonly #minutes = new Map<number, Float64Array>();
  #lastMinute = Number.NaN;
  #last: Float64Array = new Float64Array(0);

  constructor(channels: readonly TotalsChannel[]) {
    this.#channels = channels;
  }

  add(timeMs: number, channel: number, column: Column, amount: number): void {
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute !== this.#lastMinute) this.#turnTo(minute);
    const at = channel * COLUMN_COUNT + column;
    this.#last[at] = (this.#last[at] ?? 0) + amount;
  }

  #turnTo(minute: number): void {
    let totals = this.#minutes.get(minute);
    if (totals === undefined) {
      totals = new Float64Array(this.#channels.length * COLUMN_COUNT);
      this.#minutes.set(minute, totals);
    }
    this.#lastMinute = minute;
    this.#last = totals;
  }

  /** Removes and returns the minutes that ended at or before `untilMs`, oldest first. */
  takeUntil(untilMs: number): MinuteTruth[] {
    const rows = this.#rowsUntil(untilMs);
    for (const minute of this.#minutes.keys()) {
      if ((minute + 1) * MINUTE_MS <= untilMs) this.#minutes.delete(minute);
    }
    this.#lastMinute = Number.NaN;
    return rows;
  }

  /** The minutes that can still change, oldest first. */
  current(): MinuteTruth[] {
    return this.#rowsUntil(Number.POSITIVE_INFINITY);
  }

  #rowsUntil(untilMs: number): MinuteTruth[] {
    const minutes = [...this.#minutes.keys()]
      .filter((minute) => (minute + 1) * MINUTE_MS <= untilMs)
      .toSorted((a, b) => a - b);
    return minutes.flatMap((minute) => this.#rowsOf(minute));
  }

  #rowsOf(minute: number): MinuteTruth[] {
    const totals = this.#minutes.get(minute);
    if (totals === undefined) return [];
    return this.#channels.flatMap(({ name, currency }, channel) => {
      const start = channel * COLUMN_COUNT;
      const columns = totals.subarray(start, start + COLUMN_COUNT);
      if (columns.every((amount) => amount === 0)) return [];
      return [
        {
          truth: 'minute' as const,
          window_start: minute * MINUTE_MS,
          channel: name,
          ...(currency === undefined ? {} : { currency }),
          impressions: columns[COLUMN.impressions] ?? 0,
          clicks_gross: columns[COLUMN.clicksGross] ?? 0,
          clicks_bot: columns[COLUMN.clicksBot] ?? 0,
          orders: columns[COLUMN.orders] ?? 0,
          units: columns[COLUMN.units] ?? 0,
          revenue_minor: columns[COLUMN.revenueMinor] ?? 0,
          returns_minor: columns[COLUMN.returnsMinor] ?? 0,
        },
      ];
    });
  }
}
