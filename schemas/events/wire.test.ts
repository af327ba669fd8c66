import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ARMS } from '../assignment.ts';
import { visitorToken } from '../ids.ts';
import { CLICK_KINDS, type Click } from './click.ts';
import type { Inventory } from './inventory.ts';
import type { Order } from './order.ts';
import type { Reference } from './reference.ts';
import type { SkuEvent } from './sku-event.ts';
import { decodeEvent, encodeEvent } from './wire.ts';

const CLICK: Click = {
  event_id: 'c-1',
  occurred_at: 1_700_000_000_000,
  source: 'web',
  seq: null,
  visitor_id: visitorToken('vAAAAAAAAAAAAAAAAAAAAAA'),
  session_id: null,
  kind: 'page_view',
  channel: 'dtc',
  campaign: null,
  sku: null,
  url: '/a',
  referrer: null,
  ip: null,
  user_agent: null,
  agent: null,
  network: null,
  region: null,
  signed_in: true,
  server_side: null,
  prefetch: null,
  pointer: null,
  arm: null,
  consent: { analytics: true, marketing: false },
};

const ORDER: Order = {
  event_id: 'o-1',
  occurred_at: 1_700_000_000_000,
  source: 'shop',
  seq: 7,
  order_id: '1001',
  status: 'placed',
  visitor_id: visitorToken('vAAAAAAAAAAAAAAAAAAAAAA'),
  customer_id: null,
  sales_channel: 'dtc',
  currency: 'EUR',
  lines: [
    { line_id: '1', sku: 'A', quantity: 2, unit_price_minor: 1_250, unit_cost_minor: null },
    { line_id: '2', sku: 'B', quantity: 1, unit_price_minor: 0, unit_cost_minor: 400 },
  ],
  region: 'RO',
  zone: 'urban',
  fulfilment: 'locker',
  node_id: null,
  due_at: 1_700_086_400_000,
  promo_id: null,
  reason: null,
};

const INVENTORY: Inventory = {
  event_id: 'i-1',
  occurred_at: 1_700_000_000_000,
  source: 'wms',
  seq: 12,
  sku: 'A',
  kind: 'count',
  node_id: 'north',
  channel: null,
  on_hand: 42,
  reserved: 6,
  safety: null,
  quantity: null,
  lead_time_days: 2.5,
  due_at: null,
  price_minor: null,
  currency: null,
  tax_included: null,
  promo_id: null,
  capacity: null,
  used: null,
};

const REFERENCE: Reference = {
  event_id: 'r-1',
  occurred_at: 1_700_000_000_000,
  source: 'bank',
  seq: null,
  subject: 'EUR/RON',
  kind: 'fx',
  base: 'EUR',
  quote: 'RON',
  rate: 4.97,
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
  visitor_partition: null,
  into_partition: null,
  rule: null,
  consent: null,
};

const SKU_EVENT: SkuEvent = {
  event_id: 'o-1/A',
  occurred_at: 1_700_000_000_000,
  source: 'weir',
  sku: 'A',
  kind: 'sold',
  node_id: null,
  quantity: 2,
  demand: 2,
  order_id: '1001',
  sales_channel: 'dtc',
  alert_id: null,
  actor: null,
  base: null,
  quote: null,
  rate: null,
  placed_at: null,
  within_hours: null,
  cancelled_at: null,
};

test('every topic gives back the event that was encoded', () => {
  expect(decodeEvent('weir.clicks', encodeEvent('weir.clicks', CLICK))).toEqual({
    kind: 'ok',
    event: CLICK,
  });
  expect(decodeEvent('weir.orders', encodeEvent('weir.orders', ORDER))).toEqual({
    kind: 'ok',
    event: ORDER,
  });
  expect(decodeEvent('weir.inventory', encodeEvent('weir.inventory', INVENTORY))).toEqual({
    kind: 'ok',
    event: INVENTORY,
  });
  expect(decodeEvent('weir.reference', encodeEvent('weir.reference', REFERENCE))).toEqual({
    kind: 'ok',
    event: REFERENCE,
  });
  expect(decodeEvent('weir.internal.sku', encodeEvent('weir.internal.sku', SKU_EVENT))).toEqual({
    kind: 'ok',
    event: SKU_EVENT,
  });
});

// What the door lets through: avsc is exact up to here and no further.
const anyInteger = fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 });

const optionalText = fc.option(fc.string({ unit: 'binary', maxLength: 80 }), { nil: null });
const anyClick: fc.Arbitrary<Click> = fc.record({
  event_id: fc.string({ minLength: 1 }),
  occurred_at: anyInteger,
  source: fc.string(),
  seq: fc.option(anyInteger, { nil: null }),
  visitor_id: fc.string().map(visitorToken),
  session_id: optionalText,
  kind: fc.constantFrom(...CLICK_KINDS),
  channel: fc.string(),
  campaign: optionalText,
  sku: optionalText,
  url: optionalText,
  referrer: optionalText,
  ip: optionalText,
  user_agent: optionalText,
  agent: optionalText,
  network: optionalText,
  region: optionalText,
  signed_in: fc.option(fc.boolean(), { nil: null }),
  server_side: fc.option(fc.boolean(), { nil: null }),
  prefetch: fc.option(fc.boolean(), { nil: null }),
  pointer: fc.option(fc.boolean(), { nil: null }),
  arm: fc.option(fc.constantFrom(...ARMS), { nil: null }),
  consent: fc.option(fc.record({ analytics: fc.boolean(), marketing: fc.boolean() }), {
    nil: null,
  }),
});

test('any click survives encoding, next to others in one buffer', () => {
  fc.assert(
    fc.property(fc.array(anyClick, { minLength: 1, maxLength: 5 }), (clicks) => {
      const records = clicks.map((click) => encodeEvent('weir.clicks', click));
      const bytes = Buffer.concat(records);
      let start = 0;
      for (const [index, record] of records.entries()) {
        const result = decodeEvent('weir.clicks', bytes, start, start + record.length);
        expect(result).toEqual({ kind: 'ok', event: clicks[index] });
        start += record.length;
      }
    }),
    { numRuns: 200 },
  );
});

test('a single object starts with C3 01 and the eight bytes of its schema', () => {
  const record = encodeEvent('weir.orders', ORDER);
  expect(record.subarray(0, 2).toString('hex')).toBe('c301');
  expect(encodeEvent('weir.orders', ORDER).subarray(2, 10)).toEqual(record.subarray(2, 10));
  expect(encodeEvent('weir.clicks', CLICK).subarray(2, 10)).not.toEqual(record.subarray(2, 10));
});

test('encoding later events leaves earlier ones as they are, over many slabs', () => {
  const records: Buffer[] = [];
  for (let index = 0; index < 5_000; index += 1) {
    records.push(
      encodeEvent('weir.clicks', {
        ...CLICK,
        event_id: `c-${index}`,
        url: 'x'.repeat(index % 300),
      }),
    );
  }
  for (const [index, record] of records.entries()) {
    const result = decodeEvent('weir.clicks', record);
    expect(result.kind === 'ok' && result.event.event_id).toBe(`c-${index}`);
  }
});

test('an event larger than a slab is encoded like any other', () => {
  const order: Order = { ...ORDER, reason: 'r'.repeat(400_000) };
  expect(decodeEvent('weir.orders', encodeEvent('weir.orders', order))).toEqual({
    kind: 'ok',
    event: order,
  });
});

test('a record cut off anywhere is a dead letter, never an event', () => {
  const record = encodeEvent('weir.orders', ORDER);
  for (let end = 0; end < record.length; end += 1) {
    // The bytes behind the cut are there, as in a buffer of many records: they must not be read as if they belonged.
    const result = decodeEvent('weir.orders', record, 0, end);
    expect(result.kind, `cut at ${end}`).toBe('dead-letter');
  }
});

test('a record with bytes behind its end is a dead letter', () => {
  const record = Buffer.concat([encodeEvent('weir.clicks', CLICK), Buffer.from([0])]);
  expect(decodeEvent('weir.clicks', record)).toMatchObject({ code: 'WIRE_BODY_DAMAGED' });
});

test('any change of one byte gives an event or a dead letter, never an exception', () => {
  const record = encodeEvent('weir.orders', ORDER);
  for (let at = 0; at < record.length; at += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const damaged = Buffer.from(record);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      expect(['ok', 'dead-letter']).toContain(decodeEvent('weir.orders', damaged).kind);
    }
  }
});

test('a count of lines beyond the bytes that are left is damage and costs nothing', () => {
  const record = encodeEvent('weir.orders', { ...ORDER, lines: [] });
  const linesAt = record.lastIndexOf('EUR') + 3;
  for (const count of ['8080808010', 'ffffffffffffffff01', 'ffffffffff7f']) {
    const hostile = Buffer.concat([
      record.subarray(0, linesAt),
      Buffer.from(count, 'hex'),
      record.subarray(linesAt),
    ]);
    expect(decodeEvent('weir.orders', hostile)).toMatchObject({ code: 'WIRE_BODY_DAMAGED' });
  }
});

test.each([
  ['no bytes', Buffer.alloc(0), 'WIRE_EMPTY'],
  ['Confluent wire format', Buffer.from([0, 0, 0, 0, 7, 2, 65]), 'CONFLUENT_NEEDS_REGISTRY'],
  ['another first byte', Buffer.from('hello'), 'WIRE_FORMAT_UNKNOWN'],
  ['broken JSON', Buffer.from('{"event_id":'), 'WIRE_JSON_MALFORMED'],
  ['JSON without required fields', Buffer.from('{"event_id":"a"}'), 'EVENT_FIELD_MISSING'],
  ['the schema of another topic', encodeEvent('weir.orders', ORDER), 'WIRE_SCHEMA_UNKNOWN'],
])('%s is a dead letter with its reason', (_, bytes, code) => {
  expect(decodeEvent('weir.clicks', bytes)).toMatchObject({ kind: 'dead-letter', code });
});

test('a JSON record becomes the event that the same fields in Avro are', () => {
  const json = Buffer.from(
    '{"event_id":"c-1","occurred_at":1700000000000,"source":"web","visitor_id":"vAAAAAAAAAAAAAAAAAAAAAA","kind":"page_view","channel":"dtc","url":"/a","signed_in":true,"consent":{"analytics":true,"marketing":false}}',
  );
  expect(decodeEvent('weir.clicks', json)).toEqual({ kind: 'ok', event: CLICK });
});
