import { MINUTE_MS } from '../../../../schemas/time.ts';
import type { ChannelRow } from './rows.ts';

/** Columns of which a withdrawal is told: what a person had already read and may have acted on. */
export const WITHDRAWN_COLUMNS = ['clicks_net', 'sessions', 'orders', 'revenue_minor'] as const;
export type WithdrawnColumn = (typeof WITHDRAWN_COLUMNS)[number];

/** How long a withdrawal stays on the page: long enough to be seen after a coffee. */
export const WITHDRAWAL_MINUTES = 15;

export interface Withdrawal {
  readonly channel: string;
  /** Empty for counts of traffic. */
  readonly currency: string;
  readonly column: WithdrawnColumn;
  /** Positive. */
  readonly amount: number;
}

/**
 * Remembers how much of what was shown has been taken back: bot verdicts, corrections, identity
 * merges. A total that shrinks because its oldest minute left the view is not among them.
 */
export class Withdrawals {
  /** By minute of processing time, then by channel, currency and column. */
  readonly #minutes = new Map<number, Map<string, Withdrawal>>();

  /** Compares two versions of one row, `after` seen at `nowMs` of processing time. */
  record(before: ChannelRow | undefined, after: ChannelRow, nowMs: number): void {
    if (before === undefined) return;
    for (const column of WITHDRAWN_COLUMNS) {
      const amount = before[column] - after[column];
      if (amount > 0) {
        this.#add({ channel: after.channel, currency: after.currency, column, amount }, nowMs);
      }
    }
  }

  /** What was withdrawn in the last `WITHDRAWAL_MINUTES`, added up by channel, currency and column. */
  recent(nowMs: number): readonly Withdrawal[] {
    const oldest = Math.floor(nowMs / MINUTE_MS) - WITHDRAWAL_MINUTES;
    const sums = new Map<string, Withdrawal>();
    for (const [minute, withdrawals] of this.#minutes) {
      if (minute <= oldest) continue;
      for (const [key, withdrawal] of withdrawals) {
        const amount = (sums.get(key)?.amount ?? 0) + withdrawal.amount;
        sums.set(key, { ...withdrawal, amount });
      }
    }
    return [...sums.values()];
  }

  #add(withdrawal: Withdrawal, nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    let inMinute = this.#minutes.get(minute);
    if (inMinute === undefined) {
      for (const old of this.#minutes.keys()) {
        if (old <= minute - WITHDRAWAL_MINUTES) this.#minutes.delete(old);
      }
      inMinute = new Map();
      this.#minutes.set(minute, inMinute);
    }
    const key = `${withdrawal.channel}\u0000${withdrawal.currency}\u0000${withdrawal.column}`;
    const amount = (inMinute.get(key)?.amount ?? 0) + withdrawal.amount;
    inMinute.set(key, { ...withdrawal, amount });
  }
}

/** How much of a column was withdrawn lately, in one currency or, for counts, in all. */
export function withdrawnOf(
  withdrawals: readonly Withdrawal[],
  column: WithdrawnColumn,
  currency?: string,
): number {
  return withdrawals
    .filter((entry) => entry.column === column)
    .filter((entry) => currency === undefined || entry.currency === currency)
    .reduce((sum, { amount }) => sum + amount, 0);
}
