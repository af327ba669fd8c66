import { expect, test } from 'vitest';

import { agentFormOf, networkOf } from './client-forms.ts';

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36',
    'Mozilla/0.0 (Windows NT 0.0; Win0; x0) AppleWebKit/0.0 Chrome/0.0.0.0 Safari/0.0',
  ],
  [
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/0.0 (compatible; Googlebot/0.0; +http://www.google.com/bot.html)',
  ],
  ['App/3.1 (id 4f2c9a77d0e84b1f9a; mail ann@example.com)', 'App/0.0 (id ~; mail ~@example.com)'],
  ['  Tab\there  ', 'Tab~here'],
  [' ', ''],
])('%j is kept as %j', (userAgent, form) => {
  expect(agentFormOf(userAgent)).toBe(form);
});

test('a user agent without end is kept to 256 characters', () => {
  expect(agentFormOf('Mozilla '.repeat(10_000)).length).toBe(256);
});

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:7:1::9', '2001:db8:7::/48'],
  ['2001:DB8:7:1::9', '2001:db8:7::/48'],
  ['::1', '0:0:0::/48'],
  ['localhost', ''],
  ['', ''],
])('of the address %j the network %j is kept', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
