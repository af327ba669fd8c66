import { expect, test } from 'vitest';

import { assignPartitions } from './kafka-assigner.ts';

test('partition p of every topic goes to the same member, whatever their order', () => {
  const partitions = new Map([
    ['weir.clicks', [0, 1, 2, 3, 4]],
    ['weir.orders', [4, 3, 2, 1, 0]],
    ['weir.reference', [0]],
  ]);
  const expected = [
    {
      memberId: 'a',
      assignment: { 'weir.clicks': [0, 2, 4], 'weir.orders': [4, 2, 0], 'weir.reference': [0] },
    },
    {
      memberId: 'b',
      assignment: { 'weir.clicks': [1, 3], 'weir.orders': [3, 1], 'weir.reference': [] },
    },
  ];
  expect(assignPartitions(['b', 'a'], partitions)).toEqual(expected);
  expect(assignPartitions(['a', 'b'], partitions)).toEqual(expected);
});
