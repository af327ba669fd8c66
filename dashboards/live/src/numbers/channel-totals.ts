import {
  COUNT_COLUMNS,
  type ChannelRow,
  type CountColumn,
  MONEY_COLUMNS,
  type MoneyColumn,
} from '../live/rows.ts';

/** Amounts of one currency, in its minor units, and the orders they belong to. */
export interface CurrencyTotal extends Readonly<Record<MoneyColumn, number>> {
  readonly currency: string;
  readonly orders: number;
}

/** One channel over all windows that are shown. Visitors are missing: distinct counts do not add up. */
export interface ChannelTotal {
  readonly channel: string;
  readonly counts: Readonly<Record<CountColumn, number>>;
  /** Ordered by currency; one entry for each, never added across. */
  readonly money: readonly CurrencyTotal[];
}

/** The default channels come first and in this order; others follow by name, so that none jumps about. */
const CHANNELS_FIRST: readonly string[] = ['dtc', 'amazon', 'messaging', 'retail'];

interface Sums {
  readonly counts: Record<CountColumn, number>;
  readonly money: Map<string, { currency: string; orders: number } & Record<MoneyColumn, number>>;
}

/** Adds windows up by channel. */
export function totalChannels(rows: Iterable<ChannelRow>): readonly ChannelTotal[] {
  const byChannel = new Map<string, Sums>();
  for (const row of rows) {
    let sums = byChannel.get(row.channel);
    if (sums === undefined) {
      sums = emptySums();
      byChannel.set(row.channel, sums);
    }
    add(sums, row);
  }
  return [...byChannel]
    .map(([channel, sums]) => finish(channel, sums))
    .toSorted((a, b) => compareChannels(a.channel, b.channel));
}

/** Adds channels up to one total named `name`. */
export function totalOfAll(name: string, totals: readonly ChannelTotal[]): ChannelTotal {
  const sums = emptySums();
  for (const total of totals) {
    for (const column of COUNT_COLUMNS) sums.counts[column] += total.counts[column];
    for (const entry of total.money) addMoney(sums, entry);
  }
  return finish(name, sums);
}

/** Whether a channel sold anything or took anything back. */
export function hasSales(total: ChannelTotal): boolean {
  return (
    total.counts.orders !== 0 ||
    total.money.some((entry) => entry.revenue_minor !== 0 || entry.returns_minor !== 0)
  );
}

/** Whether anybody came through a channel: a name may be a place to sell, a way to come, or both. */
export function hasTraffic({ counts }: ChannelTotal): boolean {
  return counts.clicks_gross !== 0 || counts.impressions !== 0 || counts.sessions !== 0;
}

/** The currency with most orders; undefined for a channel without amounts. */
export function mainCurrency(total: ChannelTotal): string | undefined {
  return total.money.toSorted((a, b) => b.orders - a.orders)[0]?.currency;
}

/** Distinct visitors of each channel in the window that starts at `windowStart`. */
export function visitorsAt(
  rows: Iterable<ChannelRow>,
  windowStart: number,
): ReadonlyMap<string, number> {
  const visitors = new Map<string, number>();
  for (const row of rows) {
    if (row.window_start !== windowStart) continue;
    // Several currencies share one minute; the traffic is in one of these rows.
    visitors.set(row.channel, Math.max(visitors.get(row.channel) ?? 0, row.visitors));
  }
  return visitors;
}

function compareChannels(a: string, b: string): number {
  const rankA = CHANNELS_FIRST.indexOf(a);
  const rankB = CHANNELS_FIRST.indexOf(b);
  if (rankA >= 0 && rankB >= 0) return rankA - rankB;
  if (rankA >= 0 || rankB >= 0) return rankA >= 0 ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

function emptySums(): Sums {
  return {
    counts: {
      impressions: 0,
      clicks_gross: 0,
      clicks_net: 0,
      clicks_givt: 0,
      clicks_sivt: 0,
      sessions: 0,
      add_to_carts: 0,
      orders: 0,
      units: 0,
    },
    money: new Map(),
  };
}

function add(sums: Sums, row: ChannelRow): void {
  for (const column of COUNT_COLUMNS) sums.counts[column] += row[column];
  if (row.currency !== '') addMoney(sums, row);
}

function addMoney(sums: Sums, entry: CurrencyTotal): void {
  let sum = sums.money.get(entry.currency);
  if (sum === undefined) {
    sum = {
      currency: entry.currency,
      orders: 0,
      revenue_minor: 0,
      margin_minor: 0,
      returns_minor: 0,
      spend_minor: 0,
    };
    sums.money.set(entry.currency, sum);
  }
  sum.orders += entry.orders;
  for (const column of MONEY_COLUMNS) sum[column] += entry[column];
}

function finish(channel: string, sums: Sums): ChannelTotal {
  const money = [...sums.money.values()].toSorted((a, b) => (a.currency < b.currency ? -1 : 1));
  return { channel, counts: sums.counts, money };
}
