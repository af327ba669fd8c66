import type { VisitorToken } from '../ids.ts';

export const ORDER_STATUSES = ['placed', 'cancelled', 'returned', 'shipped', 'delivered'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** One line of an order: quantity one or more, prices in minor units of the order's currency. */
export interface OrderLine {
  readonly line_id: string;
  readonly sku: string;
  readonly quantity: number;
  readonly unit_price_minor: number;
  readonly unit_cost_minor: number | null;
}

/**
 * An accepted change of an order, as `order.avsc` decodes it: absent fields are `null`, personal
 * fields are tokens, instants are UTC milliseconds.
 */
export interface Order {
  readonly event_id: string;
  readonly occurred_at: number;
  readonly source: string;
  readonly seq: number | null;
  readonly order_id: string;
  readonly status: OrderStatus;
  readonly visitor_id: VisitorToken;
  readonly customer_id: string | null;
  readonly sales_channel: string;
  readonly currency: string;
  readonly lines: readonly OrderLine[];
  readonly region: string | null;
  readonly zone: 'urban' | 'suburban' | 'rural' | null;
  readonly fulfilment: 'ship' | 'pickup' | 'curbside' | 'locker' | null;
  readonly node_id: string | null;
  readonly due_at: number | null;
  readonly promo_id: string | null;
  readonly reason: string | null;
}
