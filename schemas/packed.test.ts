import fc from 'fast-check';
import { expect, test } from 'vitest';

import { PackReader, PackWriter } from './packed.ts';

const anyNumber = fc.oneof(
  fc.integer({ min: -40, max: 300 }),
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 207, 208, -32, -33, 2 ** 48 - 1, 2 ** 48, Infinity, -Infinity),
  fc.double({ noNaN: true }),
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constant('x'.repeat(3_000)),
);

test('what was written is read, to the last bit, whatever was written before', () => {
  const writer = new PackWriter();
  const reader = new PackReader();
  fc.assert(
    fc.property(fc.array(anyNumber), anyText, fc.array(anyNumber), (some, text, more) => {
      writer.numbers(some);
      writer.text(text);
      writer.numbers(more);
      reader.open(writer.take());
      expect(reader.hasMore()).toBe(true);
      const read = [reader.numbers(), reader.text(), reader.numbers()];
      // −0 comes back as 0.
      expect(read).toEqual([some.map((value) => value + 0), text, more.map((value) => value + 0)]);
      expect(reader.hasMore()).toBe(false);
    }),
  );
});

test('an instant takes seven bytes and a small number one, each of them a character', () => {
  const writer = new PackWriter();
  writer.numbers([Date.UTC(2026, 0, 5), 3, 0]);
  expect(writer.take()).toHaveLength(1 + 7 + 1 + 1);
});

test('which text a packed string begins with is told without reading it', () => {
  const writer = new PackWriter();
  const reader = new PackReader();
  fc.assert(
    fc.property(anyText, anyText, anyNumber, (text, other, number) => {
      writer.text(text);
      writer.number(number);
      const packed = writer.take();
      expect(reader.beginsWith(packed, text)).toBe(true);
      expect(reader.beginsWith(packed, other)).toBe(text === other);
      expect(reader.beginsWith(packed, text.slice(1))).toBe(text === '');
    }),
  );
});
