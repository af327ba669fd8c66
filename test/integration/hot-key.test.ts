import { afterEach, expect, test } from 'vitest';

import { DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { ORDERS_MAX } from '../../processors/traffic/sales.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { temporaryDirectory } from './command-line.ts';

/** So many that the hot visitor has more orders than are kept of one. */
const EVENTS = 12_000;
const COLD_EVERY = 10;
const START_MS = Date.UTC(2026, 5, 1);
const TIMEOUT_MS = 120_000;

let engine: Embedded | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

type Sent = Readonly<Record<string, unknown>>;

/** Clicks and orders of a morning, nine in ten of one visitor, who buys from dtc; all others buy from retail. */
function eventsOfAMorning(): {
  readonly clicks: readonly Sent[];
  readonly orders: readonly Sent[];
} {
  const clicks: Sent[] = [];
  const orders: Sent[] = [];
  for (let index = 0; index < EVENTS; index += 1) {
    const isCold = index % COLD_EVERY === 0;
    const common = {
      occurred_at: START_MS + index * SECOND_MS,
      source: 'test',
      visitor_id: isCold ? `v-${index}` : 'hot',
    };
    // Of twenty events the first is an order of another visitor, two are orders of the hot one.
    const place = index % (2 * COLD_EVERY);
    if (place < 3) {
      orders.push({
        ...common,
        event_id: `order-${index}`,
        order_id: `O${index}`,
        status: 'placed',
        sales_channel: isCold ? 'retail' : 'dtc',
        currency: 'EUR',
        lines: [{ line_id: '1', sku: isCold ? 'COLD' : 'HOT', quantity: 1, unit_price_minor: 100 }],
      });
    } else {
      clicks.push({ ...common, event_id: `click-${index}`, kind: 'click', channel: 'email' });
    }
  }
  return { clicks, orders };
}

function hotOf(events: readonly Sent[]): number {
  return events.filter(({ visitor_id }) => visitor_id === 'hot').length;
}

test(
  'a visitor with nine tenths of all events costs a bounded state, what goes over it is counted, and no other visitor notices',
  async () => {
    const outcomes = new Map<string, number>();
    const opened = await Embedded.open(
      { ...DEFAULT_CONFIG, data_dir: temporaryDirectory(), log_level: 'error' },
      (error) => {
        throw error;
      },
    );
    engine = opened;
    const { clicks, orders } = eventsOfAMorning();
    expect((await opened.ingest('click', clicks)).rejected).toEqual([]);
    expect((await opened.ingest('order', orders)).rejected).toEqual([]);
    await opened.drain();

    // The fault fired: nine in ten events have one key.
    const hot = await opened.query(
      'SELECT toUInt32(max(events)) AS most, toUInt32(sum(events)) AS all FROM (SELECT visitor_id, count() AS events FROM weir.clicks GROUP BY visitor_id)',
    );
    expect(hot).toEqual([{ most: hotOf(clicks), all: clicks.length }]);
    expect(hotOf(clicks) / clicks.length).toBeGreaterThan(0.9);

    const { body } = await opened.metrics();
    for (const [, code = '', count] of body.matchAll(
      /^engine_operator_outcomes_total\{code="(\w+)"\} (\d+)$/gm,
    )) {
      outcomes.set(code, Number(count));
    }
    const [sales] = await opened.query(
      `SELECT toInt32(sum(clicks_gross)) AS clicks, toInt32(sumIf(orders, channel = 'retail')) AS cold,
         toInt32(sumIf(orders, channel = 'dtc')) AS hot FROM weir.channel_1m`,
    );
    const overLimit = outcomes.get('SALES_VISITOR_HISTORY_FULL') ?? 0;
    expect(overLimit).toBe(hotOf(orders) - ORDERS_MAX);
    const cold = orders.length - hotOf(orders);
    expect(sales).toEqual({ clicks: clicks.length, cold, hot: hotOf(orders) });
    expect(opened.status().unaccounted).toBe(0);
  },
  TIMEOUT_MS,
);
