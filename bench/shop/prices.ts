import { minorUnitsPerUnit } from '../../schemas/money.ts';
import type { Catalogue } from './catalogue.ts';
import type { Journal } from './journal.ts';
import type { SalesChannel, ShopOptions } from './options.ts';
import { Random } from './random.ts';
import { PER_DAY } from './rates.ts';
import type { Process, Schedule } from './schedule.ts';
import type { PriceTruth } from './truth.ts';

/** Shares of price changes: the list price itself, or another channel that goes back to it; the rest drift. */
const REFERENCE_SHARE = 0.25;
const RESTORED_SHARE = 0.3;

/** Largest change of a list price, and how far another channel drifts below or above it. */
const REFERENCE_CHANGE_MAX = 0.1;
const DRIFT_MIN = -0.15;
const DRIFT_MAX = 0.08;

/** Largest change of an exchange rate in one step. */
const FX_CHANGE_MAX = 0.01;
const FX_DECIMALS = 4;

/** The prices of every SKU on every sales channel, and the exchange rates they follow. */
export class Prices {
  readonly #catalogue: Catalogue;
  readonly #journal: Journal;
  readonly #channels: readonly SalesChannel[];
  readonly #own: string;
  readonly #fx: Map<string, number>;
  /** By SKU × channel, in minor units of the channel's currency. */
  readonly #pricesMinor: Float64Array;

  constructor(options: ShopOptions, catalogue: Catalogue, journal: Journal) {
    this.#catalogue = catalogue;
    this.#journal = journal;
    this.#channels = options.salesChannels;
    this.#own = options.salesChannels[0]?.currency ?? '';
    this.#fx = new Map(options.salesChannels.map(({ currency, fx }) => [currency, fx]));
    this.#pricesMinor = new Float64Array(catalogue.skus.length * this.#channels.length);
  }

  /** Writes the first rates and prices, and sets their changes going. */
  start(options: ShopOptions, schedule: Schedule): void {
    const { startMs, dayLengthMs } = options;
    for (const [index, [currency, fx]] of [...this.#fx].entries()) {
      if (currency === this.#own) continue;
      this.#writeFx(currency, fx, startMs);
      const random = new Random(options.seed, `fx/${currency}`);
      const intervalMs = dayLengthMs / PER_DAY.fxPerCurrency;
      const phaseMs = (intervalMs * (index + 1)) / (this.#fx.size + 1);
      schedule.add(startMs + phaseMs, {
        step: (nowMs) => this.#changeFx(currency, nowMs, random) + intervalMs,
      });
    }
    for (const [sku, { listPriceMinor }] of this.#catalogue.skus.entries()) {
      for (const [channel, { currency }] of this.#channels.entries()) {
        this.#set(sku, channel, this.#converted(listPriceMinor, currency), startMs);
      }
    }
    const random = new Random(options.seed, 'prices');
    const meanMs = dayLengthMs / (PER_DAY.pricesPerSku * this.#catalogue.skus.length);
    const process: Process = {
      step: (nowMs) => {
        this.#changePrice(nowMs, random);
        return nowMs + random.exponential(meanMs);
      },
    };
    schedule.add(startMs + random.exponential(meanMs), process);
  }

  priceMinor(sku: number, channel: number): number {
    return this.#pricesMinor[sku * this.#channels.length + channel] ?? 0;
  }

  /** What a unit costs in the channel's currency at today's rate; undefined where nobody knows. */
  costMinor(sku: number, channel: number): number | undefined {
    const cost = this.#catalogue.sku(sku).unitCostMinor;
    return cost === undefined ? undefined : this.#converted(cost, this.#channel(channel).currency);
  }

  /** An amount in the shop's own currency, in another one at today's rate. */
  #converted(amountMinor: number, currency: string): number {
    const fx = this.#fx.get(currency) ?? 1;
    return Math.round(
      (amountMinor / minorUnitsPerUnit(this.#own)) * fx * minorUnitsPerUnit(currency),
    );
  }

  #channel(index: number): SalesChannel {
    const channel = this.#channels[index];
    if (channel === undefined) throw new RangeError(`no sales channel at ${index}`);
    return channel;
  }

  #changeFx(currency: string, nowMs: number, random: Random): number {
    const before = this.#fx.get(currency) ?? 1;
    const change = 1 + random.between(-FX_CHANGE_MAX, FX_CHANGE_MAX);
    const rate = Math.max(10 ** -FX_DECIMALS, Number((before * change).toFixed(FX_DECIMALS)));
    this.#fx.set(currency, rate);
    const timeMs = Math.floor(nowMs);
    this.#writeFx(currency, rate, timeMs);
    this.#journal.record({
      truth: 'fx',
      occurred_at: timeMs,
      base: this.#own,
      quote: currency,
      rate,
    });
    return nowMs;
  }

  #writeFx(currency: string, rate: number, timeMs: number): void {
    const subject = `${this.#own}/${currency}`;
    const body = `"kind":"fx","base":"${this.#own}","quote":"${currency}","rate":${rate}`;
    this.#journal.reference(timeMs, `,"source":"treasury","subject":"${subject}",${body}`);
  }

  #changePrice(nowMs: number, random: Random): void {
    const timeMs = Math.floor(nowMs);
    const sku = random.below(this.#catalogue.skus.length);
    const choice = random.unit();
    const other = 1 + random.below(Math.max(1, this.#channels.length - 1));
    if (choice < REFERENCE_SHARE || this.#channels.length === 1) {
      const change = 1 + random.between(-REFERENCE_CHANGE_MAX, REFERENCE_CHANGE_MAX);
      this.#set(sku, 0, Math.max(1, Math.round(this.priceMinor(sku, 0) * change)), timeMs);
      this.#journal.record(this.#truthOf(sku, 0, timeMs, 'reference'));
      return;
    }
    const isRestored = choice < REFERENCE_SHARE + RESTORED_SHARE;
    const gap = isRestored ? 0 : random.between(DRIFT_MIN, DRIFT_MAX);
    const parityMinor = this.#converted(this.priceMinor(sku, 0), this.#channel(other).currency);
    this.#set(sku, other, Math.max(1, Math.round(parityMinor * (1 + gap))), timeMs);
    this.#journal.record(this.#truthOf(sku, other, timeMs, isRestored ? 'restored' : 'drift'));
  }

  #truthOf(sku: number, channel: number, timeMs: number, cause: PriceTruth['cause']): PriceTruth {
    const { name, currency } = this.#channel(channel);
    const referenceMinor = this.priceMinor(sku, 0);
    const fx = this.#fx.get(currency) ?? 1;
    const reference =
      (referenceMinor / minorUnitsPerUnit(this.#own)) * fx * minorUnitsPerUnit(currency);
    return {
      truth: 'price',
      occurred_at: timeMs,
      sku: this.#catalogue.sku(sku).id,
      channel: name,
      cause,
      price_minor: this.priceMinor(sku, channel),
      currency,
      reference_minor: referenceMinor,
      fx,
      gap: this.priceMinor(sku, channel) / reference - 1,
    };
  }

  #set(sku: number, channel: number, priceMinor: number, timeMs: number): void {
    this.#pricesMinor[sku * this.#channels.length + channel] = priceMinor;
    const { name, currency } = this.#channel(channel);
    const body = `"kind":"price","channel":"${name}","price_minor":${priceMinor},"currency":"${currency}","tax_included":false`;
    this.#journal.inventory(
      timeMs,
      `,"source":"pricing","sku":"${this.#catalogue.sku(sku).id}",${body}`,
    );
  }
}
