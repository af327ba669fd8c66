import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Column } from '../operator/table.ts';
import { Lines, tsvRow } from './lines.ts';

const COLUMNS: readonly Column[] = [
  { name: 'text', type: 'nullable-text' },
  { name: 'instant', type: 'nullable-instant' },
  { name: 'integer', type: 'nullable-integer' },
  { name: 'double', type: 'nullable-double' },
  { name: 'boolean', type: 'boolean' },
];

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('a', '\t', '\n', '\r', '\\', '\0', '\u001b', 'é', '😀') }),
);
const anyInstantMs = fc.oneof(
  fc.integer({ min: 0, max: 9_999_999_999_999 }),
  fc.constantFrom(0, 1, 999_999_999_999, 1e12, 9_999_999_999_999, 1e13),
);
const anyInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 9, 10, 999_999_999, 1e9, -1),
);

/** What TabSeparated says, value by value, as text. */
function written(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\0', '\\0');
}

test('a row is what TabSeparated says of each value, with tabs between them', () => {
  fc.assert(
    fc.property(
      fc.option(anyText),
      fc.option(anyInstantMs),
      fc.option(anyInteger),
      fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      fc.boolean(),
      (text, instantMs, integer, double, boolean) => {
        expect(tsvRow(COLUMNS, [text, instantMs, integer, double, boolean])).toBe(
          [
            text === null ? '\\N' : Buffer.from(written(text)).toString(),
            instantMs === null ? '\\N' : (instantMs / 1_000).toFixed(3),
            integer === null ? '\\N' : String(integer),
            double === null ? '\\N' : String(double),
            String(boolean),
          ].join('\t'),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test('lines are counted when they end, copied as they are, and begun anew in the same memory', () => {
  const lines = new Lines(1);
  const add = (text: string): void => {
    lines.text(text);
    lines.tab();
    lines.day(Date.UTC(2026, 10, 22));
    lines.end();
  };
  add('a');
  add('b');
  const target = Buffer.alloc(lines.byteLength + 1, '-');
  lines.copyTo(target, 1);
  lines.clear();
  add('c');
  expect(target.toString()).toBe('-a\t2026-11-22\nb\t2026-11-22\n');
  expect([lines.count, lines.toString()]).toEqual([1, 'c\t2026-11-22\n']);
});
