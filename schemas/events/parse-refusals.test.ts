import { expect, test } from 'vitest';

import { EVENT_TIME_MS_MIN } from '../time.ts';
import type { EventType } from '../topics.ts';
import { parseEvent } from './parse.ts';
import { EVENT_CODES } from './rejection.ts';

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

function codeOf(type: EventType, value: unknown): string {
  const result = parseEvent(type, value, TIME);
  return result.kind === 'ok' ? 'ok' : result.code;
}

/** JSON text to a value, because object literals cannot hold `__proto__` as a plain field. */
function json(text: string): unknown {
  return JSON.parse(text);
}

function nested(levels: number): unknown {
  return levels === 0 ? 'end' : { deeper: nested(levels - 1) };
}

const REJECTIONS: readonly [what: string, type: EventType, value: unknown, code: string][] = [
  ['a number', 'click', 7, 'EVENT_NOT_AN_OBJECT'],
  ['null', 'click', null, 'EVENT_NOT_AN_OBJECT'],
  ['a list', 'click', [], 'EVENT_NOT_AN_OBJECT'],
  ['a missing id', 'click', { ...GOOD.click, event_id: undefined }, 'EVENT_FIELD_MISSING'],
  ['an id that is null', 'click', { ...GOOD.click, event_id: null }, 'EVENT_FIELD_MISSING'],
  ['an empty id', 'click', { ...GOOD.click, event_id: '' }, 'EVENT_ID_EMPTY'],
  ['an id of spaces', 'click', { ...GOOD.click, visitor_id: '   ' }, 'EVENT_ID_EMPTY'],
  [
    'an id of 65 characters',
    'click',
    { ...GOOD.click, event_id: 'x'.repeat(65) },
    'EVENT_ID_TOO_LONG',
  ],
  [
    'an optional id of 65 characters',
    'click',
    { ...GOOD.click, sku: 'x'.repeat(65) },
    'EVENT_ID_TOO_LONG',
  ],
  ['an id that is a number', 'click', { ...GOOD.click, event_id: 7 }, 'EVENT_FIELD_TYPE'],
  ['a NUL in an id', 'click', { ...GOOD.click, visitor_id: 'a\0b' }, 'EVENT_TEXT_INVALID'],
  ['a lone surrogate', 'click', { ...GOOD.click, campaign: 'a\ud800' }, 'EVENT_TEXT_INVALID'],
  [
    'a text of more than 8 KiB',
    'click',
    { ...GOOD.click, url: 'x'.repeat(8_193) },
    'EVENT_TEXT_TOO_LONG',
  ],
  [
    'a campaign of 257 characters',
    'click',
    { ...GOOD.click, campaign: 'x'.repeat(257) },
    'EVENT_TEXT_TOO_LONG',
  ],
  ['an unknown field', 'click', { ...GOOD.click, colour: 'red' }, 'EVENT_FIELD_UNKNOWN'],
  [
    'an unknown field of a line',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, colour: 'red' }] },
    'EVENT_FIELD_UNKNOWN',
  ],
  ['an unknown kind', 'click', { ...GOOD.click, kind: 'rejected' }, 'EVENT_VALUE_UNKNOWN'],
  [
    'a kind that every object has',
    'click',
    { ...GOOD.click, kind: 'toString' },
    'EVENT_VALUE_UNKNOWN',
  ],
  [
    'an unknown reference kind',
    'reference',
    { ...GOOD.reference, kind: 'rejected', code: 'x' },
    'EVENT_FIELD_UNKNOWN',
  ],
  [
    '__proto__ at the top',
    'click',
    json('{"__proto__":{"event_id":"e"},"event_id":"e"}'),
    'EVENT_FIELD_FORBIDDEN',
  ],
  ['an escaped __proto__', 'click', json('{"\\u005f_proto__":1}'), 'EVENT_FIELD_FORBIDDEN'],
  ['constructor', 'order', json('{"constructor":{"prototype":{"a":1}}}'), 'EVENT_FIELD_FORBIDDEN'],
  [
    'prototype in a line',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, prototype: {} }] },
    'EVENT_FIELD_FORBIDDEN',
  ],
  [
    '__proto__ in a reference body',
    'reference',
    json('{"body":{"__proto__":{"rate":1}}}'),
    'EVENT_FIELD_FORBIDDEN',
  ],
  [
    '17 levels in an unknown field',
    'click',
    { ...GOOD.click, extra: nested(16) },
    'EVENT_TOO_DEEP',
  ],
  ['17 levels in a known field', 'click', { ...GOOD.click, url: nested(16) }, 'EVENT_TOO_DEEP'],
  ['16 levels in a known field', 'click', { ...GOOD.click, url: nested(15) }, 'EVENT_FIELD_TYPE'],
  ['NaN', 'click', { ...GOOD.click, seq: Number.NaN }, 'EVENT_NUMBER_INVALID'],
  [
    'infinity',
    'inventory',
    { ...GOOD.inventory, lead_time_days: Number.POSITIVE_INFINITY },
    'EVENT_NUMBER_INVALID',
  ],
  [
    'half a unit',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, quantity: 1.5 }] },
    'EVENT_NUMBER_INVALID',
  ],
  ['2^53', 'click', { ...GOOD.click, seq: 2 ** 53 }, 'EVENT_NUMBER_INVALID'],
  ['2^52', 'click', { ...GOOD.click, seq: 2 ** 52 }, 'EVENT_NUMBER_INVALID'],
  [
    'a number as text',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, quantity: '2' }] },
    'EVENT_FIELD_TYPE',
  ],
  ['a time as text', 'click', { ...GOOD.click, occurred_at: '2025-06-01' }, 'EVENT_FIELD_TYPE'],
  ['a flag as number', 'click', { ...GOOD.click, signed_in: 1 }, 'EVENT_FIELD_TYPE'],
  ['the year 1970', 'click', { ...GOOD.click, occurred_at: 0 }, 'EVENT_TIME_TOO_OLD'],
  [
    'a millisecond before what is believed',
    'click',
    { ...GOOD.click, occurred_at: EVENT_TIME_MS_MIN - 1 },
    'EVENT_TIME_TOO_OLD',
  ],
  [
    'the year 9999',
    'click',
    { ...GOOD.click, occurred_at: Date.UTC(9999, 11, 31) },
    'EVENT_TIME_IN_FUTURE',
  ],
  [
    'two hours ahead',
    'click',
    { ...GOOD.click, occurred_at: NOW_MS + 7_200_000 },
    'EVENT_TIME_IN_FUTURE',
  ],
  [
    'a millisecond beyond the skew',
    'click',
    { ...GOOD.click, occurred_at: NOW_MS + 300_001 },
    'EVENT_TIME_IN_FUTURE',
  ],
  [
    'due in the year 10000',
    'order',
    { ...GOOD.order, due_at: Date.UTC(10_000, 0, 1) },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  ['an unknown currency', 'order', { ...GOOD.order, currency: 'lei' }, 'EVENT_CURRENCY_UNKNOWN'],
  ['no currency', 'order', { ...GOOD.order, currency: undefined }, 'EVENT_FIELD_MISSING'],
  ['a placed order without lines', 'order', { ...GOOD.order, lines: [] }, 'EVENT_LINES_MISSING'],
  [
    'a placed order whose lines are absent',
    'order',
    { ...GOOD.order, lines: undefined },
    'EVENT_LINES_MISSING',
  ],
  [
    'a return without lines',
    'order',
    { ...GOOD.order, status: 'returned', lines: [] },
    'EVENT_LINES_MISSING',
  ],
  [
    '1,001 lines',
    'order',
    {
      ...GOOD.order,
      lines: Array.from({ length: 1_001 }, (_, n) => ({ ...LINE, line_id: `${n}` })),
    },
    'EVENT_LINES_TOO_MANY',
  ],
  ['a line that is a number', 'order', { ...GOOD.order, lines: [7] }, 'EVENT_NOT_AN_OBJECT'],
  ['lines that are no list', 'order', { ...GOOD.order, lines: LINE }, 'EVENT_FIELD_TYPE'],
  [
    'no units',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, quantity: 0 }] },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'units below zero',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, quantity: -1 }] },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'a price below zero',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, unit_price_minor: -1 }] },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'two lines of one id',
    'order',
    { ...GOOD.order, lines: [LINE, LINE] },
    'EVENT_LINE_ID_REPEATED',
  ],
  [
    'an order beyond any order',
    'order',
    { ...GOOD.order, lines: [{ ...LINE, quantity: 1_000, unit_price_minor: 2 ** 50 }] },
    'EVENT_AMOUNT_TOO_LARGE',
  ],
  [
    'a count without on_hand',
    'inventory',
    { ...GOOD.inventory, on_hand: undefined },
    'EVENT_FIELD_MISSING',
  ],
  [
    'a movement without quantity',
    'inventory',
    { ...COMMON, sku: 'A', kind: 'movement' },
    'EVENT_FIELD_MISSING',
  ],
  [
    'an inbound of nothing',
    'inventory',
    { ...COMMON, sku: 'A', kind: 'inbound', quantity: 0 },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'a price without currency',
    'inventory',
    { ...COMMON, sku: 'A', kind: 'price', price_minor: 5, channel: 'dtc' },
    'EVENT_CURRENCY_MISSING',
  ],
  [
    'a price without channel',
    'inventory',
    { ...COMMON, sku: 'A', kind: 'price', price_minor: 5, currency: 'EUR' },
    'EVENT_FIELD_MISSING',
  ],
  [
    'a capacity without use',
    'inventory',
    { ...COMMON, sku: 'A', kind: 'capacity', capacity: 9 },
    'EVENT_FIELD_MISSING',
  ],
  [
    'more units than a shop has',
    'inventory',
    { ...GOOD.inventory, on_hand: 2_000_000_000 },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'a spend without currency',
    'reference',
    { ...COMMON, subject: 's', kind: 'spend', channel: 'dtc', amount_minor: 5, from: 1, to: 2 },
    'EVENT_CURRENCY_MISSING',
  ],
  [
    'a spend that ends before it starts',
    'reference',
    {
      ...COMMON,
      subject: 's',
      kind: 'spend',
      channel: 'dtc',
      amount_minor: 5,
      currency: 'EUR',
      from: 2,
      to: 2,
    },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'an exchange rate of zero',
    'reference',
    { ...GOOD.reference, rate: 0 },
    'EVENT_NUMBER_OUT_OF_RANGE',
  ],
  [
    'a field of another kind',
    'reference',
    { ...GOOD.reference, visitor_id: 'alice' },
    'EVENT_FIELD_UNKNOWN',
  ],
  [
    'an erasure of nobody',
    'reference',
    { ...COMMON, subject: 's', kind: 'erasure' },
    'EVENT_FIELD_MISSING',
  ],
  [
    'a body that is a text',
    'reference',
    { ...COMMON, subject: 's', kind: 'fx', body: 'EUR' },
    'EVENT_FIELD_TYPE',
  ],
  [
    'a field in and beside the body',
    'reference',
    { ...GOOD.reference, body: { rate: 5 } },
    'EVENT_FIELD_UNKNOWN',
  ],
];

test.each(REJECTIONS)('%s is refused (%s)', (_, type, value, code) => {
  expect(codeOf(type, value)).toBe(code);
  expect(EVENT_CODES).toContain(code);
});
