import { type JsonObject, isJsonObject, listIn, numberIn, objectIn, textIn } from './rows.ts';

/** A value with its 95 % interval. */
export interface Bounded {
  readonly point: number;
  readonly low: number;
  readonly high: number;
}

/** What a marketing channel costs and brings; undefined where it cannot be said. */
export interface MarketingChannel {
  readonly channel: string;
  readonly clicksNet: number;
  readonly conversionRate: number | undefined;
  readonly spendMinor: number;
  readonly cpaMinor: number | undefined;
  readonly roas: number | undefined;
  readonly icpaMinor: number | undefined;
  readonly iroas: Bounded | undefined;
}

/** What a sales channel sells. */
export interface SalesChannel {
  readonly channel: string;
  readonly orders: number;
  readonly revenueMinor: number;
  readonly marginMinor: number;
  readonly returnsMinor: number;
  readonly orderValueMinor: Bounded | undefined;
  readonly retention: Bounded | undefined;
  readonly share: number | undefined;
  readonly deviationPoints: number | undefined;
}

/** The economics of the last day. */
export interface Economics {
  readonly currency: string;
  readonly marketing: readonly MarketingChannel[];
  readonly sales: readonly SalesChannel[];
  /** p of the mix against its targets. */
  readonly mixP: number | undefined;
  readonly retention: Bounded | undefined;
}

/** @throws {TypeError} when the answer is none of economics */
export function parseEconomics(answer: unknown): Economics {
  if (!isJsonObject(answer)) throw new TypeError('Expected economics, got something else');
  return {
    currency: textIn(answer, 'currency') ?? '',
    marketing: listIn(answer, 'marketing').map((row) => {
      const attributed = objectIn(row, 'attributed');
      const incremental = objectIn(row, 'incremental');
      return {
        channel: textIn(row, 'channel') ?? '',
        clicksNet: numberIn(row, 'clicks_net') ?? 0,
        conversionRate: numberIn(row, 'conversion_rate'),
        spendMinor: numberIn(row, 'spend_minor') ?? 0,
        cpaMinor: numberIn(attributed, 'cpa_minor'),
        roas: numberIn(attributed, 'roas'),
        icpaMinor: numberIn(incremental, 'icpa_minor'),
        iroas: boundedIn(incremental, 'iroas'),
      };
    }),
    sales: listIn(answer, 'sales').map((row) => ({
      channel: textIn(row, 'channel') ?? '',
      orders: numberIn(row, 'orders') ?? 0,
      revenueMinor: numberIn(row, 'revenue_minor') ?? 0,
      marginMinor: numberIn(row, 'margin_minor') ?? 0,
      returnsMinor: numberIn(row, 'returns_minor') ?? 0,
      orderValueMinor: boundedIn(row, 'order_value_minor'),
      retention: boundedIn(row, 'retention'),
      share: numberIn(row, 'share'),
      deviationPoints: numberIn(row, 'deviation_points'),
    })),
    mixP: numberIn(objectIn(answer, 'mix'), 'p'),
    retention: boundedIn(answer, 'retention'),
  };
}

/** Carts of which it is known whether an order followed, by channel, stock or price of the product. */
export interface CartGroup {
  readonly name: string;
  readonly carts: number;
  readonly abandoned: Bounded | undefined;
}

/** Carts of the last day. */
export interface Carts {
  readonly channels: readonly CartGroup[];
  readonly stock: readonly CartGroup[];
  readonly parity: readonly CartGroup[];
}

/** @throws {TypeError} when the answer is none of carts */
export function parseCarts(answer: unknown): Carts {
  if (!isJsonObject(answer)) throw new TypeError('Expected carts, got something else');
  const groupsOf = (list: string, name: string): readonly CartGroup[] =>
    listIn(answer, list).map((row) => ({
      name: textIn(row, name) ?? '',
      carts: numberIn(row, 'carts') ?? 0,
      abandoned: boundedIn(row, 'abandoned'),
    }));
  return {
    channels: groupsOf('channels', 'channel'),
    stock: groupsOf('stock', 'stock'),
    parity: groupsOf('parity', 'parity'),
  };
}

/** Visitors of the last day who did alike. */
export interface Segment {
  readonly segment: string;
  readonly visitors: number;
  readonly conversion: Bounded | undefined;
  readonly orderValueMinor: Bounded | undefined;
  readonly revenueMinor: number;
}

/** The segments of the last day. */
export interface Segments {
  readonly currency: string;
  readonly segments: readonly Segment[];
}

/** @throws {TypeError} when the answer is none of segments */
export function parseSegments(answer: unknown): Segments {
  if (!isJsonObject(answer)) throw new TypeError('Expected segments, got something else');
  return {
    currency: textIn(answer, 'currency') ?? '',
    segments: listIn(answer, 'segments').map((row) => ({
      segment: textIn(row, 'segment') ?? '',
      visitors: numberIn(row, 'visitors') ?? 0,
      conversion: boundedIn(row, 'conversion'),
      orderValueMinor: boundedIn(row, 'order_value_minor'),
      revenueMinor: numberIn(row, 'revenue_minor') ?? 0,
    })),
  };
}

function boundedIn(row: JsonObject, name: string): Bounded | undefined {
  const value = objectIn(row, name);
  const point = numberIn(value, 'point');
  const low = numberIn(value, 'low');
  const high = numberIn(value, 'high');
  if (point === undefined || low === undefined || high === undefined) return undefined;
  return { point, low, high };
}
