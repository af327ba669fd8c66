import { expect, test } from 'vitest';

import { type Partition, createPartitions, isBeyondEnd } from './kafka-partition.ts';

function partition(): Partition {
  const offsets = [{ partition: 0, startOffset: 0, endOffset: 0 }];
  const place = createPartitions(new Map([['weir.orders', offsets]])).get('weir.orders/0');
  if (place === undefined) throw new Error('no partition');
  return place;
}

/** A look: asked while reading stood at `asked`, and answered when it stood at `position`. */
function look(
  place: Partition,
  ...[asked, endOffset, position = asked]: readonly [number, number, number?]
): boolean {
  place.askedPosition = asked;
  place.buffer.moveTo(position);
  return isBeyondEnd(place, endOffset);
}

test('reading that goes on while the broker answers is not beyond the end', () => {
  const place = partition();
  for (let offset = 0; offset < 10; offset += 1)
    expect(look(place, offset, offset, offset + 5)).toBe(false);
});

test('a broker that has less than was read at three looks in a row has lost records', () => {
  const place = partition();
  expect([look(place, 9, 4), look(place, 9, 4), look(place, 9, 4)]).toEqual([false, false, true]);
});

test('a look that finds everything begins the count anew', () => {
  const place = partition();
  const found = [look(place, 9, 4), look(place, 9, 4), look(place, 9, 9), look(place, 9, 4)];
  expect(found).toEqual([false, false, false, false]);
});
