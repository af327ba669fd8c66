import { bench, describe } from 'vitest';

import type { Inventory } from '../../schemas/events/inventory.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import type { Output, RecordContext } from '../engine/operator/operator.ts';
import { createStockLevels } from './operator.ts';

const START_MS = Date.UTC(2026, 0, 1);
const KEY_COUNT = 100_000;
const EVENTS_PER_RUN = 100_000;
/** How far events are out of order: as far as in a real access log. */
const DISORDER_MS = 59 * SECOND_MS;

const NOWHERE: Output = {
  add() {},
  upsert() {},
  append() {},
  forward() {},
  count() {},
};

/** Counts and movements of `KEY_COUNT` SKU × node keys, two nodes a SKU, forty milliseconds apart. */
function* inventoryEvents(): Generator<Inventory> {
  let random = 1;
  const next = (bound: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((random / 2 ** 32) * bound);
  };
  for (let index = 0; ; index += 1) {
    const isCount = next(20) === 0;
    yield {
      event_id: `event-${index}`,
      occurred_at: START_MS + index * 40 - next(DISORDER_MS),
      source: 'warehouse',
      seq: null,
      sku: `sku-${next(KEY_COUNT / 2)}`,
      kind: isCount ? 'count' : 'movement',
      node_id: next(2) === 0 ? 'berlin' : 'hamburg',
      channel: null,
      on_hand: isCount ? 50 : null,
      reserved: isCount ? 2 : null,
      safety: isCount ? 1 : null,
      quantity: isCount ? null : next(9) - 5,
      lead_time_days: null,
      due_at: null,
      price_minor: null,
      currency: null,
      tax_included: null,
      promo_id: null,
      capacity: null,
      used: null,
    };
  }
}

describe('stock operator', () => {
  const operator = createStockLevels({ allowedLatenessMs: DAY_MS, sequenceGaps: true });
  const states = new Map<string, unknown>();
  const events = inventoryEvents();
  let newestMs = Number.NEGATIVE_INFINITY;
  let batch: Inventory[] = [];

  bench(
    `${EVENTS_PER_RUN} counts and movements of ${KEY_COUNT} keys`,
    () => {
      const apply = operator.apply['weir.inventory'];
      for (const event of batch) {
        const record: RecordContext = {
          topic: 'weir.inventory',
          partition: 0,
          offset: 0,
          appendedAtMs: event.occurred_at,
          watermarkMs: newestMs - MINUTE_MS,
        };
        apply?.(states.get(event.sku), event, NOWHERE, record);
        if (event.occurred_at > newestMs) newestMs = event.occurred_at;
      }
    },
    {
      iterations: 10,
      time: 0,
      warmupIterations: 3,
      warmupTime: 0,
      setup(task) {
        task.opts.beforeEach = () => {
          batch = Array.from({ length: EVENTS_PER_RUN }, () => events.next().value);
          for (const { sku } of batch) {
            if (!states.has(sku)) states.set(sku, operator.createState());
          }
        };
      },
    },
  );
});
