import type { Click } from '../../schemas/events/click.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { Order, OrderLine } from '../../schemas/events/order.ts';
import type { Reference } from '../../schemas/events/reference.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { visitorToken } from '../../schemas/ids.ts';

/** The day that builders and examples count from. */
export const DAY_ZERO_MS = Date.UTC(2026, 2, 2);

/** A complete click; give what the test is about. */
export function buildClick(fields: Partial<Click> = {}): Click {
  return {
    event_id: 'click-1',
    occurred_at: DAY_ZERO_MS,
    source: 'test',
    seq: null,
    visitor_id: visitorToken('v1'),
    session_id: null,
    kind: 'page_view',
    channel: 'dtc',
    campaign: null,
    sku: null,
    url: null,
    referrer: null,
    ip: null,
    user_agent: null,
    agent: null,
    network: null,
    region: null,
    signed_in: null,
    server_side: null,
    prefetch: null,
    pointer: null,
    arm: null,
    consent: null,
    ...fields,
  };
}

/** A complete order with one line of 10.00 EUR; give what the test is about. */
export function buildOrder(fields: Partial<Order> = {}): Order {
  return {
    event_id: 'order-event-1',
    occurred_at: DAY_ZERO_MS,
    source: 'test',
    seq: null,
    order_id: 'o1',
    status: 'placed',
    visitor_id: visitorToken('v1'),
    customer_id: null,
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: [buildLine()],
    region: null,
    zone: null,
    fulfilment: null,
    node_id: null,
    due_at: null,
    promo_id: null,
    reason: null,
    ...fields,
  };
}

/** One unit at 10.00 that cost 6.00. */
export function buildLine(fields: Partial<OrderLine> = {}): OrderLine {
  return {
    line_id: '1',
    sku: 'sku-1',
    quantity: 1,
    unit_price_minor: 1_000,
    unit_cost_minor: 600,
    ...fields,
  };
}

/** A complete reference event; give its kind and body. */
export function buildReference(fields: Partial<Reference> = {}): Reference {
  return {
    event_id: 'reference-1',
    occurred_at: DAY_ZERO_MS,
    source: 'test',
    seq: null,
    subject: 'dtc',
    kind: 'spend',
    base: null,
    quote: null,
    rate: null,
    channel: null,
    campaign: null,
    amount_minor: null,
    currency: null,
    metric: null,
    value: null,
    from: null,
    to: null,
    visitor_id: null,
    into: null,
    rule: null,
    consent: null,
    ...fields,
  };
}

/** A complete inventory event: a count of ten units; give what the test is about. */
export function buildInventory(fields: Partial<Inventory> = {}): Inventory {
  return {
    event_id: 'inventory-1',
    occurred_at: DAY_ZERO_MS,
    source: 'test',
    seq: null,
    sku: 'sku-1',
    kind: 'count',
    node_id: null,
    channel: null,
    on_hand: 10,
    reserved: null,
    safety: null,
    quantity: null,
    lead_time_days: null,
    due_at: null,
    price_minor: null,
    currency: null,
    tax_included: null,
    promo_id: null,
    capacity: null,
    used: null,
    ...fields,
  };
}

/** A rate of 5 RON for 1 EUR, as the sku stage gets it. */
export function buildRate(fields: Partial<SkuEvent> = {}): SkuEvent {
  return {
    event_id: 'rate-1',
    occurred_at: DAY_ZERO_MS,
    source: 'test',
    sku: 'EUR/RON',
    kind: 'rate',
    node_id: null,
    quantity: 0,
    demand: 0,
    order_id: null,
    sales_channel: null,
    alert_id: null,
    actor: null,
    base: 'EUR',
    quote: 'RON',
    rate: 5,
    ...fields,
  };
}
