import { DAY_MS } from '../../schemas/time.ts';
import type { Entries } from './entries.ts';
import type { Journal } from './journal.ts';
import type { ShopOptions } from './options.ts';
import { PER_DAY } from './rates.ts';
import type { Process } from './schedule.ts';

/** How long the targets hold. */
const TARGET_DAYS = 365;

/** Writes what the advertisements have cost, hour by hour of the shop's day, and the targets at the start. */
export class Ledger implements Process {
  readonly #entries: Entries;
  readonly #journal: Journal;
  readonly #currency: string;
  readonly #intervalMs: number;
  readonly #spentMinor = new Map<string, number>();
  #fromMs: number;

  constructor(options: ShopOptions, entries: Entries, journal: Journal) {
    this.#entries = entries;
    this.#journal = journal;
    this.#currency = options.salesChannels[0]?.currency ?? '';
    this.#intervalMs = Math.round(options.dayLengthMs / PER_DAY.spend);
    this.#fromMs = options.startMs;
    for (const { name, costPerClickMinor } of options.clickChannels) {
      if (costPerClickMinor > 0) this.#spentMinor.set(name, 0);
    }
    const total = options.salesChannels.reduce((sum, { weight }) => sum + weight, 0);
    for (const { name, weight } of options.salesChannels) {
      const value = Number(((100 * weight) / total).toFixed(2));
      const validity = `"from":${options.startMs},"to":${options.startMs + TARGET_DAYS * DAY_MS}`;
      const body = `"kind":"target","metric":"channel_mix_percent","channel":"${name}","value":${value},${validity}`;
      journal.reference(
        options.startMs,
        `,"source":"finance","subject":"channel_mix/${name}",${body}`,
      );
    }
  }

  /** When the first interval is over. */
  get firstMs(): number {
    return this.#fromMs + this.#intervalMs;
  }

  step(nowMs: number): number {
    const from = this.#fromMs;
    this.#fromMs = nowMs;
    for (const { channelName, campaign, amountMinor } of this.#entries.takeSpend()) {
      this.#spentMinor.set(channelName, (this.#spentMinor.get(channelName) ?? 0) + amountMinor);
      const body =
        `"kind":"spend","channel":"${channelName}","campaign":"${campaign}","amount_minor":${amountMinor}` +
        `,"currency":"${this.#currency}","from":${from},"to":${nowMs}`;
      this.#journal.reference(
        nowMs,
        `,"source":"finance","subject":"spend/${channelName}",${body}`,
      );
    }
    return nowMs + this.#intervalMs;
  }

  get currency(): string {
    return this.#currency;
  }

  /** What the spend events say so far, by channel. */
  spentMinor(): Record<string, number> {
    return Object.fromEntries(this.#spentMinor);
  }
}
