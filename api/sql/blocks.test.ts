import { expect, test } from 'vitest';

import { openSqlShop } from '../../test/sql/sql-shop.ts';
import { joinBlocks } from './blocks.ts';
import { formatOf } from './formats.ts';

const shop = openSqlShop();

const COLUMNS = `number AS \`a "name", it's\`, toString(number) AS text, [number] AS list, '],' AS comma`;

/** The same rows in one block and in three. */
const ONE_BLOCK = `SELECT ${COLUMNS} FROM numbers(7) ORDER BY number`;
const THREE_BLOCKS = ['0, 3', '3, 2', '5, 2']
  .map((range) => `SELECT ${COLUMNS} FROM numbers(${range})`)
  .join(' UNION ALL ');

async function blocksOf(sql: string, format: string): Promise<readonly Uint8Array[]> {
  const answer = await shop
    .engine()
    .sql.run({ sql, format, inBlocks: true, settings: { max_threads: '1' } });
  if (answer.kind === 'refused') throw new Error(answer.message);
  return answer.blocks;
}

/** Without the time that the statement took, and in any order of the blocks. */
function comparable(pieces: readonly Uint8Array[], format: string): string[] {
  const text = Buffer.concat(pieces).toString('latin1');
  const isBinary = /Binary|Native/.test(format);
  const units = isBinary
    ? text.split('')
    : text.replaceAll(/("elapsed": )[\d.e-]+|,$/gm, '$1').split('\n');
  return units.toSorted();
}

test.each([
  'JSON',
  'JSONCompact',
  'JSONStrings',
  'JSONEachRow',
  'JSONCompactEachRowWithNames',
  'JSONCompactEachRowWithNamesAndTypes',
  'CSV',
  'CSVWithNames',
  'CSVWithNamesAndTypes',
  'TabSeparatedWithNames',
  'TabSeparatedWithNamesAndTypes',
  'RowBinary',
  'RowBinaryWithNames',
  'RowBinaryWithNamesAndTypes',
])('the blocks of an answer in %s become what one block would be', async (name) => {
  const joining = formatOf(name)?.joining ?? { kind: 'rows' };
  const [one, three] = [await blocksOf(ONE_BLOCK, name), await blocksOf(THREE_BLOCKS, name)];
  expect([one.length, three.length]).toEqual([1, 3]);
  expect(comparable(joinBlocks(three, joining), name)).toEqual(
    comparable(joinBlocks(one, joining), name),
  );
});

test('a JSON document of many blocks can be read and says how many rows it has', async () => {
  const joined = joinBlocks(await blocksOf(THREE_BLOCKS, 'JSON'), { kind: 'json' });
  expect(JSON.parse(Buffer.concat(joined).toString())).toMatchObject({
    rows: 7,
    data: expect.arrayContaining([expect.objectContaining({ comma: '],', text: '6' })]),
  });
});

test('blocks whose headers differ are no answer', () => {
  const [one, other] = [Buffer.from('a,b\n1,2\n'), Buffer.from('a,c\n3,4\n')];
  expect(() => joinBlocks([one, other], { kind: 'header-lines', count: 1 })).toThrow(
    'begin with the same header',
  );
});
