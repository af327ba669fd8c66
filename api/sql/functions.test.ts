import { expect, test } from 'vitest';

import { openSqlShop } from '../../test/sql/sql-shop.ts';
import { isAllowedFunction } from './functions.ts';

const shop = openSqlShop();

test('no function that is refused passes as one that differs from it in case only', async () => {
  const rows = await shop
    .engine()
    .query(`SELECT name, alias_to FROM system.functions WHERE origin = 'System'`);
  const names = new Set(rows.map((row) => String(row['name'])));
  const dangerous = ['file', 'dictGet', 'sleep', 'joinGet', 'hostName', 'getSetting', 'aiGenerate'];
  for (const name of dangerous) {
    expect(names, name).toContain(name);
    expect([name, name.toUpperCase(), name.toLowerCase()].some(isAllowedFunction), name).toBe(
      false,
    );
  }
  // Another name of a function is as good or as bad as the function.
  const differing = rows
    .map((row) => [String(row['name']), String(row['alias_to'])] as const)
    .filter(
      ([name, target]) => target !== '' && isAllowedFunction(name) && !isAllowedFunction(target),
    );
  expect(differing).toEqual([]);
});

test.each([
  ['sum', true],
  ['SUM', true],
  ['sumIf', true],
  ['quantilesTDigestIf', true],
  ['groupUniqArrayArrayOrNullIf', true],
  ['countDistinct', true],
  ['fileIf', false],
  ['If', true],
  ['ArrayIf', false],
  ['', false],
  ['constructor', false],
  ['__proto__', false],
])('whether %s may be called is %s', (name, isAllowed) => {
  expect(isAllowedFunction(name)).toBe(isAllowed);
});
