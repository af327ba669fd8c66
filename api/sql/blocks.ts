import { assert } from '../../schemas/errors.ts';
import type { Joining } from './formats.ts';

const NEWLINE = 0x0a;

/** What stands around the rows of a JSON document, as ClickHouse writes it. */
const JSON_ROWS_BEGIN = Buffer.from('\n\t"data":\n\t[\n');
const JSON_ROWS_END = Buffer.from('\n\t],\n\n\t"rows": ');
const JSON_COMMA = Buffer.from(',\n');

/**
 * Makes one document of an answer's blocks, each of which ClickHouse has written as a document of its
 * own. Blocks that are not as expected are a defect and no answer.
 *
 * @throws {EngineError} ASSERTION_FAILED
 */
export function joinBlocks(blocks: readonly Uint8Array[], joining: Joining): readonly Uint8Array[] {
  const [first] = blocks;
  if (first === undefined || blocks.length === 1) return blocks;
  switch (joining.kind) {
    case 'rows':
      return blocks;
    case 'header-lines':
      return withOneHeader(blocks, linesLength(first, joining.count));
    case 'header-binary':
      return withOneHeader(blocks, namesLength(first, joining.lists));
    case 'json':
      return joinJson(blocks);
  }
}

/** The blocks, all but the first without the header, which is the same in all. */
function withOneHeader(blocks: readonly Uint8Array[], length: number): readonly Uint8Array[] {
  const header = blocks[0]?.subarray(0, length) ?? new Uint8Array();
  return blocks.map((block, index) => {
    assert(
      Buffer.compare(block.subarray(0, length), header) === 0,
      'Expected every block of an answer to begin with the same header',
    );
    return index === 0 ? block : block.subarray(length);
  });
}

/** Bytes of the first lines. Names hold no line ends: the check of statements refuses such. */
function linesLength(block: Uint8Array, count: number): number {
  let end = 0;
  for (let line = 0; line < count; line += 1) end = block.indexOf(NEWLINE, end) + 1;
  return end;
}

/**
 * Bytes of the header of RowBinary: the number of columns, then a list of their names, then one of
 * their types; each text after its length. Numbers are little-endian, seven bits to a byte.
 *
 * @see https://clickhouse.com/docs/interfaces/formats/RowBinaryWithNamesAndTypes
 */
function namesLength(block: Uint8Array, lists: number): number {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = block[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const columns = number();
  for (let text = 0; text < columns * lists; text += 1) {
    const length = number();
    at += length;
  }
  return at;
}

/** One JSON document with the rows of all. No line of a row begins like a line of the document. */
function joinJson(blocks: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = [];
  let rowCount = 0;
  let last: Buffer = Buffer.alloc(0);
  for (const bytes of blocks) {
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const begin = block.indexOf(JSON_ROWS_BEGIN) + JSON_ROWS_BEGIN.length;
    const end = block.indexOf(JSON_ROWS_END, begin);
    assert(begin >= JSON_ROWS_BEGIN.length && end > 0, 'Expected a JSON document with rows');
    joined.push(joined.length === 0 ? block.subarray(0, begin) : JSON_COMMA);
    joined.push(block.subarray(begin, end));
    last = block.subarray(end + JSON_ROWS_END.length);
    rowCount += Number.parseInt(last.toString('latin1', 0, 20), 10);
  }
  const rest = last.subarray(last.indexOf(','));
  return [...joined, JSON_ROWS_END, Buffer.from(String(rowCount)), rest];
}
