import type { Row } from '../../schemas/panel.ts';
import { MINUTE_MS } from '../../schemas/time.ts';

/** The models that credit is given by. */
export const SHOP_MODELS = [
  'first',
  'last',
  'last_non_direct',
  'linear',
  'position',
  'time_decay',
  'shapley',
] as const;

/** What a channel brings in a minute, and how each model sees it: drawn by hand to look like a shop. */
export const CHANNELS = [
  {
    channel: 'dtc',
    currencies: ['EUR', 'USD'],
    clicks: 46,
    orders: 1.4,
    basket: 6_480,
    spend: 900,
  },
  { channel: 'amazon', currencies: ['EUR'], clicks: 31, orders: 1.1, basket: 4_120, spend: 640 },
  { channel: 'messaging', currencies: ['EUR'], clicks: 12, orders: 0.3, basket: 5_250, spend: 0 },
  { channel: 'retail', currencies: ['GBP'], clicks: 0, orders: 0.6, basket: 3_390, spend: 0 },
  { channel: 'search', currencies: [], clicks: 38, orders: 0, basket: 0, spend: 1_400 },
  { channel: 'social', currencies: [], clicks: 27, orders: 0, basket: 0, spend: 800 },
  { channel: 'email', currencies: [], clicks: 9, orders: 0, basket: 0, spend: 0 },
] as const;

/** Channels that a path touches before an order. */
export const TOUCHED = ['search', 'amazon', 'messaging', 'social', 'direct', 'email'] as const;

/** Shares of a conversion by model, in the order of `TOUCHED`; each row adds up to 1. */
export const SHARES: Readonly<Record<(typeof SHOP_MODELS)[number], readonly number[]>> = {
  first: [0.41, 0.16, 0.05, 0.25, 0.08, 0.05],
  last: [0.19, 0.22, 0.14, 0.06, 0.31, 0.08],
  last_non_direct: [0.27, 0.24, 0.19, 0.11, 0, 0.19],
  linear: [0.28, 0.19, 0.11, 0.15, 0.18, 0.09],
  position: [0.3, 0.19, 0.1, 0.15, 0.19, 0.07],
  time_decay: [0.25, 0.21, 0.12, 0.12, 0.22, 0.08],
  shapley: [0.26, 0.2, 0.13, 0.15, 0.16, 0.1],
};

/** Numbers that look random and are the same in every run. */
export class Chance {
  #state: number;

  /** @param seed not zero */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 inclusive to 1 exclusive. @see Marsaglia 2003, xorshift with shifts 13, 17, 5 */
  draw(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  /** A whole number whose mean is `expected`. */
  count(expected: number): number {
    return Math.floor(expected) + (this.draw() < expected % 1 ? 1 : 0);
  }
}

/** One SKU at one node; every seventh is out, every eleventh stale. */
export function stockRow(index: number, nowMs: number): Row {
  const sku = `${['mug', 'lamp', 'scarf', 'clock', 'candle', 'tray'][index % 6]}-${100 + index}`;
  const node = index % 2 === 0 ? 'berlin' : 'store-12';
  const state = index % 7 === 3 ? 'OUT' : index % 11 === 5 ? 'STALE' : 'IN_STOCK';
  const reserved = index % 4;
  const safety = 2;
  const onHand = state === 'OUT' ? reserved + safety - (index % 3) : 12 + ((index * 17) % 60);
  return {
    sku,
    node_id: node,
    state,
    available: onHand - reserved - safety,
    on_hand: onHand,
    reserved,
    safety,
    changed_at: nowMs - (7 + index * 9) * MINUTE_MS,
  };
}

/** Start of the minute of an instant. */
export function minuteOf(instantMs: number): number {
  return instantMs - (instantMs % MINUTE_MS);
}

/** A text that is the same for the same minute, channel and currency. */
export function keyOfMinute(start: number, channel: string, currency: string): string {
  return `${start} ${channel} ${currency}`;
}

/** A minute in which nothing has happened. */
export function emptyMinute(start: number, channel: string, currency: string): Row {
  return {
    window_start: start,
    channel,
    currency,
    impressions: 0,
    clicks_gross: 0,
    clicks_net: 0,
    clicks_givt: 0,
    clicks_sivt: 0,
    visitors: 0,
    sessions: 0,
    add_to_carts: 0,
    orders: 0,
    units: 0,
    revenue_minor: 0,
    margin_minor: 0,
    returns_minor: 0,
    spend_minor: 0,
    state: 'provisional',
  };
}

/** A stockout that nobody has taken over. */
export function incident(options: {
  readonly alertId: string;
  readonly sku: string;
  readonly nodeId: string;
  readonly openedAt: number;
  readonly severity: string;
}): Row {
  return {
    alert_id: options.alertId,
    kind: 'stock_out',
    severity: options.severity,
    subject: `${options.sku} at ${options.nodeId}`,
    sku: options.sku,
    node_id: options.nodeId,
    opened_at: options.openedAt,
    acknowledged_at: null,
    acknowledged_by: null,
    resolved_at: null,
    detail: 'available fell to zero; ads for it still run',
  };
}
