import { pack } from 'msgpackr';
import { expect, test } from 'vitest';

import { Lines } from '../sink/lines.ts';
import { SEAL_BYTES } from '../state/store.ts';
import { appendDelivery, insertDelivery, rowsOf, storedDelivery } from './delivery.ts';

test('an insert of several parts is stored and read back with its rows in order', () => {
  const parts = ['a', 'b'].map((text) => {
    const lines = new Lines();
    lines.text(text);
    lines.end();
    return lines;
  });
  const made = insertDelivery({ table: 'clicks', columns: ['id'], token: 't' }, parts);
  for (const part of parts) {
    part.clear();
    part.text('z');
  }
  const { sealed, ...delivery } = made;
  const read = storedDelivery(sealed.subarray(SEAL_BYTES));
  expect(read).toEqual(delivery);
  expect(rowsOf(read)).toBe(2);
  expect(read).toMatchObject({
    insert: { table: 'clicks', columns: ['id'], token: 't', body: Buffer.from('a\nb\n') },
  });
});

test('records for another stage are stored and read back', () => {
  const made = appendDelivery([
    { topic: 'weir.internal.sku', partition: 3, values: [Buffer.from([1, 2]), Buffer.from([])] },
  ]);
  const { sealed, ...delivery } = made;
  const read = storedDelivery(sealed.subarray(SEAL_BYTES));
  expect(read).toEqual(delivery);
  expect(rowsOf(read)).toBe(2);
});

test('a delivery in a form of another version is refused', () => {
  expect(() => storedDelivery(pack({ kind: 'insert' }))).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_FORMAT_UNKNOWN' }),
  );
});
