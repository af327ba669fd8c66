import type { Output, RecordContext } from '../../processors/engine/operator/operator.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { buildInventory } from '../../test/laws/event-builders.ts';

/** What every event of the bench has in common. */
export const EMPTY = buildInventory({ source: 'warehouse', on_hand: null });

/** Takes everything and keeps nothing, so that the operator alone is measured. */
export const SILENT: Output = {
  add: () => undefined,
  upsert: () => undefined,
  append: () => undefined,
  forward: () => undefined,
  broadcast: () => undefined,
  wakeAt: () => undefined,
  count: () => undefined,
};

/** What accompanies an event that arrives in order at this time. */
export function recordAt(timeMs: number): RecordContext {
  return {
    topic: 'weir.inventory',
    partition: 0,
    offset: 0,
    appendedAtMs: timeMs,
    watermarkMs: timeMs - 1,
  };
}

/** One unit sold. */
export function saleEvent(
  sku: string,
  node: string,
  { timeMs, eventId }: { readonly timeMs: number; readonly eventId: string },
): SkuEvent {
  return {
    event_id: eventId,
    occurred_at: timeMs,
    source: 'order-lines',
    sku,
    kind: 'sold',
    node_id: node,
    quantity: 1,
    demand: 1,
    order_id: null,
    sales_channel: null,
    alert_id: null,
    actor: null,
  };
}
