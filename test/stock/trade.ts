import type { Random } from '../../bench/shop/random.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { buildInventory, buildLine, buildOrder } from '../laws/event-builders.ts';
import type { LawEvent } from '../laws/law-event.ts';

/** Four days of a SKU that sells a unit an hour, with 5.9 days left: less than lead time and review. */
export function steadySales(untilMs: number): readonly LawEvent[] {
  const fromMs = untilMs - 4 * DAY_MS;
  const about = { sku: 'steady', node_id: 'berlin' };
  const count = buildInventory({ ...about, kind: 'count', on_hand: 96 + 141 });
  return Array.from({ length: 97 }, (_, hour): LawEvent => {
    const event_id = `steady-${hour}`;
    const occurred_at = fromMs + hour * HOUR_MS;
    if (hour === 0) return { topic: 'weir.inventory', event: { ...count, event_id, occurred_at } };
    const of = { event_id, occurred_at, order_id: event_id, visitor_id: visitorToken('steady') };
    const lines = [buildLine({ sku: 'steady', quantity: 1 })];
    return { topic: 'weir.orders', event: buildOrder({ ...of, node_id: 'berlin', lines }) };
  });
}

/** A month of SKUs that sell a little or a lot, run low, run out, and get more, announced or not. */
export function anyTrade(random: Random, startMs: number): readonly LawEvent[] {
  const events: LawEvent[] = [];
  for (let number = 0; number < 16; number += 1) {
    const sku = `trade-${number}`;
    const salesPerDay = [0.2, 1, 6, 12][number % 4] ?? 1;
    const fromMs = startMs + random.below(DAY_MS);
    const add = (fields: Partial<Inventory>): void => {
      const about = { sku, event_id: `${sku}-${events.length}`, on_hand: null };
      const event = buildInventory({ ...about, ...fields });
      events.push({ topic: 'weir.inventory', event });
    };
    add({ occurred_at: fromMs, kind: 'count', on_hand: Math.ceil(salesPerDay * 12) });
    for (let timeMs = fromMs; timeMs < fromMs + 30 * DAY_MS;) {
      timeMs += Math.round((-Math.log(1 - random.unit()) * DAY_MS) / salesPerDay);
      const order_id = `${sku}-${events.length}`;
      const lines = [buildLine({ sku, quantity: random.chance(0.3) ? 3 : 1 })];
      const of = { event_id: order_id, order_id, visitor_id: visitorToken(sku) };
      events.push({
        topic: 'weir.orders',
        event: buildOrder({ ...of, occurred_at: timeMs, status: 'placed', node_id: null, lines }),
      });
      const isPaused = random.chance(0.05);
      if (isPaused) timeMs += random.below(4 * DAY_MS);
      if (random.chance(0.08)) {
        const quantity = Math.ceil(salesPerDay * random.below(9));
        const arrivesMs = timeMs + random.below(6 * DAY_MS);
        add({ occurred_at: timeMs, kind: 'inbound', quantity, due_at: arrivesMs });
        add({ occurred_at: arrivesMs, kind: 'movement', quantity });
      }
    }
    const endMs = Math.max(...events.map(({ event }) => event.occurred_at)) + 1;
    // What is left lasts for four of the five days that a delivery takes.
    if (number < 8) add({ occurred_at: endMs, kind: 'count', on_hand: Math.ceil(4 * salesPerDay) });
  }
  return events;
}
