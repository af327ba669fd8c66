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
  readonly spendMinor: number;
  readonly cpaMinor: number | undefined;
  readonly roas: number | undefined;
  readonly icpaMinor: number | undefined;
  readonly iroas: Bounded | undefined;
  readonly abandoned: Bounded | undefined;
}

/** What a sales channel sells. */
export interface SalesChannel {
  readonly channel: string;
  readonly orders: number;
  readonly revenueMinor: number;
  readonly marginMinor: number;
  readonly returnsMinor: number;
  readonly orderValueMinor: Bounded | undefined;
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
        spendMinor: numberIn(row, 'spend_minor') ?? 0,
        cpaMinor: numberIn(attributed, 'cpa_minor'),
        roas: numberIn(attributed, 'roas'),
        icpaMinor: numberIn(incremental, 'icpa_minor'),
        iroas: boundedIn(incremental, 'iroas'),
        abandoned: boundedIn(objectIn(row, 'carts'), 'abandoned'),
      };
    }),
    sales: listIn(answer, 'sales').map((row) => ({
      channel: textIn(row, 'channel') ?? '',
      orders: numberIn(row, 'orders') ?? 0,
      revenueMinor: numberIn(row, 'revenue_minor') ?? 0,
      marginMinor: numberIn(row, 'margin_minor') ?? 0,
      returnsMinor: numberIn(row, 'returns_minor') ?? 0,
      orderValueMinor: boundedIn(row, 'order_value_minor'),
      share: numberIn(row, 'share'),
      deviationPoints: numberIn(row, 'deviation_points'),
    })),
    mixP: numberIn(objectIn(answer, 'mix'), 'p'),
    retention: boundedIn(answer, 'retention'),
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
