import type { AttributionRow } from '../live/rows.ts';

/** The credit of one channel under the shown model, and under the one it is compared with. */
export interface ChannelCredit {
  readonly channel: string;
  readonly conversions: number;
  readonly creditMinor: number;
  /** Of the currency's whole credit, 0 to 1; 0 when there is none. */
  readonly share: number;
  readonly comparedMinor: number;
  /** Shown minus compared. */
  readonly differenceMinor: number;
}

/** All credit of one currency: other currencies stand apart. */
export interface CurrencyCredit {
  readonly currency: string;
  readonly creditMinor: number;
  readonly conversions: number;
  /** Largest credit first; ties by name. */
  readonly channels: readonly ChannelCredit[];
}

/** Adds up hours and campaigns, by currency and channel; the currency with most conversions first. */
export function creditByCurrency(
  rows: Iterable<AttributionRow>,
  models: { readonly shown: string; readonly compared: string },
): readonly CurrencyCredit[] {
  const byCurrency = new Map<string, Map<string, Sums>>();
  for (const row of rows) {
    const isShown = row.model === models.shown;
    const isCompared = row.model === models.compared;
    if (!isShown && !isCompared) continue;
    const channels = byCurrency.get(row.currency) ?? new Map<string, Sums>();
    byCurrency.set(row.currency, channels);
    const sums = channels.get(row.channel) ?? { conversionsMilli: 0, shown: 0, compared: 0 };
    channels.set(row.channel, sums);
    if (isShown) {
      sums.shown += row.credit_minor;
      sums.conversionsMilli += row.conversions_milli;
    }
    if (isCompared) sums.compared += row.credit_minor;
  }
  return [...byCurrency]
    .map(([currency, channels]) => finish(currency, channels))
    .toSorted((a, b) => b.conversions - a.conversions || (a.currency < b.currency ? -1 : 1));
}

/** Start of the oldest hour among the rows; undefined without rows. */
export function oldestHour(rows: Iterable<AttributionRow>): number | undefined {
  let oldest: number | undefined;
  for (const row of rows) oldest = Math.min(oldest ?? row.window_start, row.window_start);
  return oldest;
}

interface Sums {
  conversionsMilli: number;
  shown: number;
  compared: number;
}

function finish(currency: string, channels: ReadonlyMap<string, Sums>): CurrencyCredit {
  let creditMinor = 0;
  let conversionsMilli = 0;
  for (const sums of channels.values()) {
    creditMinor += sums.shown;
    conversionsMilli += sums.conversionsMilli;
  }
  const credits = [...channels]
    .filter(([, sums]) => sums.shown !== 0 || sums.compared !== 0)
    .map(([channel, sums]) => ({
      channel,
      conversions: sums.conversionsMilli / 1000,
      creditMinor: sums.shown,
      share: creditMinor === 0 ? 0 : sums.shown / creditMinor,
      comparedMinor: sums.compared,
      differenceMinor: sums.shown - sums.compared,
    }))
    .toSorted((a, b) => b.creditMinor - a.creditMinor || (a.channel < b.channel ? -1 : 1));
  return { currency, creditMinor, conversions: conversionsMilli / 1000, channels: credits };
}
