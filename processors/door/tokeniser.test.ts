import { expect, test } from 'vitest';

import { createTokeniser } from './tokeniser.ts';

const SECRET = Buffer.from(
  '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  'hex',
);

// From openssl: printf 'visitor\000alice' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f -binary | head -c 16 | basenc --base64url
test.each([
  ['visitor', 'alice', 'vdVQqFsSJSMLgI22xTaQhsw'],
  ['customer', 'alice', 'cc311bF4RiJ0VJXTN3jhhHw'],
] as const)('the token of %s %s is its HMAC', (kind, value, token) => {
  expect(createTokeniser(SECRET).token(kind, value)).toBe(token);
});

test('of an address the network stays beside the token, and nothing when it is none', () => {
  const tokeniser = createTokeniser(SECRET);
  expect(tokeniser.client('ip', '2001:db8::1')).toEqual({
    token: 'i8CJVEk9meurJqsHHmg6bHw',
    form: '2001:db8:0::/48',
  });
  expect(tokeniser.client('ip', 'nowhere').form).toBeNull();
});

test('spaces around a value, and the case of an address, do not change its token', () => {
  const tokeniser = createTokeniser(SECRET);
  expect(tokeniser.token('visitor', '  alice\t')).toBe(tokeniser.token('visitor', 'alice'));
  expect(tokeniser.client('ip', ' 2001:DB8::1')).toEqual(tokeniser.client('ip', '2001:db8::1'));
  expect(tokeniser.token('visitor', 'Alice')).not.toBe(tokeniser.token('visitor', 'alice'));
});

test('another secret gives other tokens', () => {
  expect(createTokeniser(Buffer.alloc(32, 1)).token('visitor', 'alice')).not.toBe(
    createTokeniser(SECRET).token('visitor', 'alice'),
  );
});

test('a secret of 31 bytes is refused', () => {
  expect(() => createTokeniser(SECRET.subarray(0, 31))).toThrow(
    'Expected a token secret of at least 32 bytes, got 31',
  );
});

test('a token stays the same when far more values than are kept came in between', () => {
  const tokeniser = createTokeniser(SECRET, 10);
  const before = tokeniser.token('visitor', 'alice');
  for (let index = 0; index < 1_000; index += 1) tokeniser.token('visitor', `visitor-${index}`);
  expect(tokeniser.token('visitor', 'alice')).toBe(before);
});
