import { expect, test } from 'vitest';

import { fingerprintOf } from './fingerprint.ts';

// Values from Apache Avro's own share/test/data/schema-tests.txt, there as signed 64-bit numbers.
test.each([
  ['"null"', 7195948357588979594n],
  ['"boolean"', -6970731678124411036n],
  ['"int"', 8247732601305521295n],
  ['"long"', -3434872931120570953n],
  ['"string"', -8142146995180207161n],
])('the fingerprint of %s is that of the Avro project', (schema, expected) => {
  expect(fingerprintOf(schema).readBigInt64LE()).toBe(expected);
});
