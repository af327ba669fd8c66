import { expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { encodeEvent, decodeEvent } from '../../schemas/events/wire.ts';
import type { AppendBatch } from '../engine/log/log.ts';
import { createDoor } from './door.ts';
import { createAdmission } from './foreign.ts';
import { createTokeniser } from './tokeniser.ts';

const PLACING = {
  tokeniser: createTokeniser(Buffer.alloc(32, 'a secret of the tests')),
  partitionCounts: { visitor: 4, sku: 4 },
};
const NOW_MS = Date.UTC(2026, 0, 2);
const CLICK = {
  event_id: 'click-1',
  occurred_at: Date.UTC(2026, 0, 1),
  source: 'shop',
  visitor_id: 'somebody@shop.example',
  kind: 'page_view',
  channel: 'dtc',
  ip: '192.0.2.7',
};
const admit = createAdmission({ ...PLACING, eventBytesMax: 1_000, confluent: undefined });

test('JSON and Avro of another program become what the door makes of the same event', async () => {
  const appended: AppendBatch[] = [];
  const door = createDoor({
    ...PLACING,
    clockSkewMs: 0,
    clock: () => NOW_MS,
    append: (batches) => {
      appended.push(...batches);
      return Promise.resolve();
    },
  });
  await door.ingest('click', [CLICK]);
  const [{ partition, values: [value] } = { partition: -1, values: [] }] = appended;
  expect(Buffer.from(value ?? 'somebody').includes('somebody')).toBe(false);
  const expected = { kind: 'ok', partition, value };
  expect(admit('weir.clicks', Buffer.from(JSON.stringify(CLICK)))).toEqual(expected);
  const raw = parseEvent('click', CLICK, { nowMs: NOW_MS, clockSkewMs: 0 });
  if (raw.kind === 'rejected') throw new Error(raw.message);
  const avro = encodeEvent('weir.clicks', erase(raw.event));
  expect(decodeEvent('weir.clicks', avro)).toMatchObject({
    event: { visitor_id: 'somebody@shop.example' },
  });
  expect(admit('weir.clicks', avro)).toEqual(expected);
});

test('Avro of another program is checked as JSON is', () => {
  const raw = parseEvent('click', CLICK, { nowMs: NOW_MS, clockSkewMs: 0 });
  if (raw.kind === 'rejected') throw new Error(raw.message);
  const avro = encodeEvent('weir.clicks', erase({ ...raw.event, event_id: '' }));
  expect(admit('weir.clicks', avro)).toMatchObject({ kind: 'refused', code: 'EVENT_ID_EMPTY' });
});

test.each([
  [
    'weir.clicks',
    Buffer.from(JSON.stringify({ ...CLICK, url: 'x'.repeat(1_000) })),
    'EVENT_TOO_LARGE',
  ],
  ['weir.clicks', Buffer.from('{'), 'WIRE_JSON_MALFORMED'],
  ['weir.internal.sku', Buffer.from(JSON.stringify(CLICK)), 'WIRE_TOPIC_INTERNAL'],
] as const)(
  'a record of %s that cannot be used is refused with its reason',
  (topic, bytes, code) => {
    expect(admit(topic, bytes)).toMatchObject({ kind: 'refused', code });
  },
);

test('an event of the future is admitted: its task decides by the time of its record', () => {
  const future = { ...CLICK, occurred_at: Date.UTC(2190, 0, 1) };
  expect(admit('weir.clicks', Buffer.from(JSON.stringify(future)))).toMatchObject({ kind: 'ok' });
});
