import type { Click } from '../../schemas/events/click.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { Order } from '../../schemas/events/order.ts';
import type { Reference } from '../../schemas/events/reference.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import { CLICKS_LOG, INVENTORY_LOG, ORDERS_LOG, ORDER_LINES_LOG, REFERENCE_LOG } from './row.ts';

/** What every operator of the archive is: without state, so nothing of it expires or takes room. */
const STATELESS = {
  name: 'archive',
  stateVersion: 1,
  createState: () => null,
  expiresAtMs: () => Number.NEGATIVE_INFINITY,
  stateBytes: () => 0,
} as const;

/** Keeps clicks, and orders with their lines. */
export const archiveVisitors: Operator = defineOperator<null>({
  ...STATELESS,
  stage: 'visitor',
  apply: {
    'weir.clicks': (_state, click, output, record) => {
      appendClick(click, output, record.appendedAtMs);
    },
    'weir.orders': (_state, order, output, record) => {
      appendOrder(order, output, record.appendedAtMs);
    },
  },
});

/** Keeps inventory events. */
export const archiveInventory: Operator = defineOperator<null>({
  ...STATELESS,
  stage: 'sku',
  apply: {
    'weir.inventory': (_state, event, output, record) => {
      appendInventory(event, output, record.appendedAtMs);
    },
  },
});

/** Keeps reference events. */
export const archiveReference: Operator = defineOperator<null>({
  ...STATELESS,
  stage: 'control',
  apply: {
    'weir.reference': (_state, event, output, record) => {
      appendReference(event, output, record.appendedAtMs);
    },
  },
});

// The values stand in the order of the table's columns in row.ts; a test compares them by name.

function appendClick(click: Click, output: Output, ingestedAtMs: number): void {
  output.append(CLICKS_LOG, [
    click.occurred_at,
    click.event_id,
    click.source,
    click.seq,
    click.visitor_id,
    click.session_id,
    click.kind,
    click.channel,
    click.campaign,
    click.sku,
    click.url,
    click.referrer,
    click.ip,
    click.user_agent,
    click.agent,
    click.network,
    click.region,
    click.signed_in,
    click.server_side,
    click.prefetch,
    click.pointer,
    click.arm,
    click.consent === null ? null : click.consent.analytics,
    click.consent === null ? null : click.consent.marketing,
    ingestedAtMs,
  ]);
}

function appendOrder(order: Order, output: Output, ingestedAtMs: number): void {
  output.append(ORDERS_LOG, [
    order.occurred_at,
    order.event_id,
    order.source,
    order.seq,
    order.order_id,
    order.status,
    order.visitor_id,
    order.customer_id,
    order.sales_channel,
    order.currency,
    order.region,
    order.zone,
    order.fulfilment,
    order.node_id,
    order.due_at,
    order.promo_id,
    order.reason,
    ingestedAtMs,
  ]);
  for (const line of order.lines) {
    output.append(ORDER_LINES_LOG, [
      order.occurred_at,
      order.event_id,
      order.order_id,
      order.status,
      order.visitor_id,
      order.sales_channel,
      order.currency,
      line.line_id,
      line.sku,
      line.quantity,
      line.unit_price_minor,
      line.unit_cost_minor,
      ingestedAtMs,
    ]);
  }
}

function appendInventory(event: Inventory, output: Output, ingestedAtMs: number): void {
  output.append(INVENTORY_LOG, [
    event.occurred_at,
    event.event_id,
    event.source,
    event.seq,
    event.sku,
    event.kind,
    event.node_id,
    event.channel,
    event.on_hand,
    event.reserved,
    event.safety,
    event.quantity,
    event.lead_time_days,
    event.due_at,
    event.price_minor,
    event.currency,
    event.tax_included,
    event.promo_id,
    event.capacity,
    event.used,
    ingestedAtMs,
  ]);
}

function appendReference(event: Reference, output: Output, ingestedAtMs: number): void {
  output.append(REFERENCE_LOG, [
    event.occurred_at,
    event.event_id,
    event.source,
    event.seq,
    event.subject,
    event.kind,
    event.base,
    event.quote,
    event.rate,
    event.channel,
    event.campaign,
    event.amount_minor,
    event.currency,
    event.metric,
    event.value,
    event.from,
    event.to,
    event.visitor_id,
    event.into,
    event.rule,
    event.consent === null ? null : event.consent.analytics,
    event.consent === null ? null : event.consent.marketing,
    ingestedAtMs,
  ]);
}
