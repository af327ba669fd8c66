import type { OrderStatus } from '../../schemas/events/order.ts';
import type { EventType } from '../../schemas/topics.ts';

/**
 * What one minute of one channel truly was, counted over unique events by event time. The traffic
 * columns count the clicks of the channel, bots included; the sales columns count the orders booked
 * on the channel, in `currency`, which is absent when the channel sells nothing.
 */
export interface MinuteTruth {
  readonly truth: 'minute';
  /** UTC milliseconds. */
  readonly window_start: number;
  readonly channel: string;
  readonly currency?: string;
  readonly impressions: number;
  /** Every kind but impression and beacon. */
  readonly clicks_gross: number;
  /** The part of `clicks_gross` that bots made. */
  readonly clicks_bot: number;
  readonly orders: number;
  readonly units: number;
  readonly revenue_minor: number;
  /** Zero or more: cancelled and returned goods, at the time of the cancellation or return. */
  readonly returns_minor: number;
}

export const BOT_KINDS = [
  'declared_crawler',
  'rotating_ids',
  'regular_gaps',
  'data_centre',
] as const;
export type BotKind = (typeof BOT_KINDS)[number];

/** One run of a bot: all its visitor ids, in the order of use. */
export interface BotTruth {
  readonly truth: 'bot';
  readonly kind: BotKind;
  readonly visitor_ids: readonly string[];
  readonly ip: string;
  readonly user_agent: string;
  readonly clicks: number;
  /** First and last click, UTC milliseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
}

/** A time in which nothing of a SKU was available at a node: on hand − reserved − safety ≤ 0. */
export interface StockoutTruth {
  readonly truth: 'stockout';
  readonly sku: string;
  readonly node_id: string;
  /** The instant of the sale or count that emptied it, UTC milliseconds. */
  readonly from: number;
  /** The instant of the restock or return that ended it; absent while it lasts. */
  readonly to?: number;
  /** Units that were wanted meanwhile and not sold. */
  readonly lost_units: number;
}

/** From `from` on the books show `shown_units` available and nothing sells, to the end of the run. */
export interface PhantomTruth {
  readonly truth: 'phantom';
  readonly sku: string;
  readonly node_id: string;
  readonly from: number;
  readonly shown_units: number;
}

/** A price that changed after the start, with the gap it leaves to the reference channel. */
export interface PriceTruth {
  readonly truth: 'price';
  readonly occurred_at: number;
  readonly sku: string;
  readonly channel: string;
  readonly cause: 'reference' | 'drift' | 'restored';
  readonly price_minor: number;
  readonly currency: string;
  readonly reference_minor: number;
  readonly fx: number;
  /** price ÷ (fx × reference) − 1, of the amounts in minor units of equal size. */
  readonly gap: number;
}

export interface FxTruth {
  readonly truth: 'fx';
  readonly occurred_at: number;
  readonly base: string;
  readonly quote: string;
  readonly rate: number;
}

/** People of one arm: those with an event of type click, and those of them with a placed order. */
export interface ArmTruth {
  readonly visitors: number;
  readonly converters: number;
  readonly orders: number;
}

export interface LiftTruth {
  readonly channel: string;
  /** The lift that was built in: relative rise of the share of visitors who convert. */
  readonly true_lift: number;
  readonly holdout_share: number;
  readonly salt: string;
  readonly treated: ArmTruth;
  readonly holdout: ArmTruth;
}

export interface SkuTruth {
  readonly sku: string;
  /** Mean units of one line that asks for the SKU; where it is 1, units are Poisson. */
  readonly units_per_line: number;
  readonly nodes: readonly {
    readonly node_id: string;
    /** True rate of units wanted at this node per shop day, whether in stock or not; the hour profile's mean is 1. */
    readonly units_per_day: number;
    readonly demanded_units: number;
    readonly sold_units: number;
    readonly lost_units: number;
  }[];
}

export interface ZoneTruth {
  readonly zone: 'urban' | 'suburban' | 'rural';
  readonly placed: number;
  readonly delivered: number;
  /** Delivered at or before `due_at`. */
  readonly on_time: number;
}

/** Totals of the whole run, and everything that holds for all of it. */
export interface SummaryTruth {
  readonly truth: 'summary';
  readonly seed: number;
  /** Event time of the run, UTC milliseconds: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  readonly day_length_ms: number;
  /** Weight of the rate of visits in each of 24 equal parts of the shop's day, counted from the epoch; mean 1. */
  readonly hour_profile: readonly number[];
  readonly events: Readonly<Record<EventType, number>>;
  readonly order_events: Readonly<Record<OrderStatus, number>>;
  /** Events that were sent a second time. */
  readonly duplicates: number;
  /** Events that arrive more than a minute after they happened. */
  readonly late: number;
  /** What limits held back: late events sent in time, orders not followed after placing. */
  readonly limited: { readonly late: number; readonly lifecycles: number };
  readonly lift: readonly LiftTruth[];
  readonly skus: readonly SkuTruth[];
  readonly zones: readonly ZoneTruth[];
  /** By click channel, in `spend_currency`: what the spend events say so far. */
  readonly spend_minor: Readonly<Record<string, number>>;
  readonly spend_currency: string;
}

/** What is known once and does not change afterwards. */
export type FinishedTruth =
  | MinuteTruth
  | BotTruth
  | StockoutTruth
  | PhantomTruth
  | PriceTruth
  | FxTruth;

/** One line of a truth file. The last line is the summary. */
export type TruthRecord = FinishedTruth | SummaryTruth;

/** Everything known about a shop at one moment. */
export interface ShopTruth {
  readonly summary: SummaryTruth;
  /** Minutes in rising order, one per minute and channel with any activity. */
  readonly minutes: readonly MinuteTruth[];
  readonly bots: readonly BotTruth[];
  readonly stockouts: readonly StockoutTruth[];
  readonly phantoms: readonly PhantomTruth[];
  readonly prices: readonly PriceTruth[];
  readonly fx: readonly FxTruth[];
}
