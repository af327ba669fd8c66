import { expect, test } from 'vitest';

import { EVENT_TIME_MS_MIN } from '../time.ts';
import type { EventType } from '../topics.ts';
import { parseEvent } from './parse.ts';

const NOW_MS = Date.UTC(2025, 5, 1, 12);
const TIME = { nowMs: NOW_MS, clockSkewMs: 300_000 };

const COMMON = { event_id: 'e-1', occurred_at: NOW_MS, source: 'test' };
const LINE = { line_id: '1', sku: 'A', quantity: 2, unit_price_minor: 1_250 };
const GOOD: Readonly<Record<EventType, Readonly<Record<string, unknown>>>> = {
  click: { ...COMMON, visitor_id: 'alice', kind: 'click', channel: 'dtc' },
  order: {
    ...COMMON,
    order_id: '1001',
    status: 'placed',
    visitor_id: 'alice',
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: [LINE],
  },
  inventory: { ...COMMON, sku: 'A', kind: 'count', on_hand: 42 },
  reference: { ...COMMON, subject: 'EUR/RON', kind: 'fx', base: 'EUR', quote: 'RON', rate: 4.97 },
};

function messageOf(type: EventType, value: unknown): string {
  const result = parseEvent(type, value, TIME);
  return result.kind === 'ok' ? 'ok' : result.message;
}

test('an accepted event has every field of its schema, absent ones as null', () => {
  expect(parseEvent('click', GOOD.click, TIME)).toEqual({
    kind: 'ok',
    event: {
      ...GOOD.click,
      seq: null,
      session_id: null,
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
    },
  });
});

test('a field that is null is the same as one that is absent', () => {
  const withNull = parseEvent('order', { ...GOOD.order, region: null, due_at: null }, TIME);
  expect(withNull).toEqual(parseEvent('order', GOOD.order, TIME));
});

test('the event that comes out shares nothing with the value that went in', () => {
  const value = structuredClone(GOOD.order);
  const result = parseEvent('order', value, TIME);
  expect(result.kind === 'ok' && result.event.lines).toEqual([{ ...LINE, unit_cost_minor: null }]);
  expect(value).toEqual(GOOD.order);
});

const ACCEPTED: readonly [what: string, type: EventType, value: unknown][] = [
  ['an id of 64 characters', 'click', { ...GOOD.click, event_id: 'x'.repeat(64) }],
  [
    'the first instant that is believed',
    'click',
    { ...GOOD.click, occurred_at: EVENT_TIME_MS_MIN },
  ],
  [
    'a clock that is ahead by the whole skew',
    'click',
    { ...GOOD.click, occurred_at: NOW_MS + 300_000 },
  ],
  ['emoji in a campaign', 'click', { ...GOOD.click, campaign: 'spring 🌷' }],
  [
    '1,000 lines',
    'order',
    {
      ...GOOD.order,
      lines: Array.from({ length: 1_000 }, (_, n) => ({ ...LINE, line_id: `${n}` })),
    },
  ],
  [
    'a cancellation without lines',
    'order',
    { ...GOOD.order, status: 'cancelled', lines: undefined },
  ],
  ['a line at price zero', 'order', { ...GOOD.order, lines: [{ ...LINE, unit_price_minor: 0 }] }],
  ['a count below zero, as oversold shops report', 'inventory', { ...GOOD.inventory, on_hand: -3 }],
  ['a movement out', 'inventory', { ...COMMON, sku: 'A', kind: 'movement', quantity: -5 }],
];

test.each(ACCEPTED)('%s is accepted', (_, type, value) => {
  expect(messageOf(type, value)).toBe('ok');
});

test('the fields of a reference event may be gathered in a body', () => {
  const { base, quote, rate, ...common } = GOOD.reference;
  const inBody = parseEvent('reference', { ...common, body: { base, quote, rate } }, TIME);
  expect(inBody).toEqual(parseEvent('reference', GOOD.reference, TIME));
});

test('a rejection says what was expected, what came and where', () => {
  const value = { ...GOOD.order, lines: [LINE, { ...LINE, line_id: '2', quantity: 0 }] };
  expect(messageOf('order', value)).toBe(
    'Expected 1 to 1000000000 units, got 0 in lines[1].quantity',
  );
  expect(messageOf('order', { ...GOOD.order, currency: 'lei' })).toBe(
    'Expected an ISO 4217 currency code, got "lei" in currency',
  );
});

test('a rejection repeats no personal value and no long one', () => {
  const secret = 'alice@example.com';
  for (const field of [
    'event_id',
    'visitor_id',
    'session_id',
    'ip',
    'user_agent',
    'url',
    'referrer',
  ]) {
    for (const value of [`${secret}\0`, [secret], { secret }, secret.repeat(1_000)]) {
      expect(messageOf('click', { ...GOOD.click, [field]: value })).not.toContain('alice');
    }
  }
  expect(messageOf('click', { ...GOOD.click, visitor_id: 4_911_223_344 })).not.toContain(
    '4911223344',
  );
  expect(messageOf('click', { ...GOOD.click, kind: 'k'.repeat(10_000) }).length).toBeLessThan(200);
});
