import { expect, test } from 'vitest';

import { LocalTime, parseLocalMs } from './local-time.ts';

function instantOf(zone: string, text: string): string {
  return new Date(new LocalTime(zone).instantMs(parseLocalMs(text) ?? Number.NaN)).toISOString();
}

test.each([
  ['UTC', '2011-11-01 08:16:00', '2011-11-01T08:16:00.000Z'],
  ['Europe/London', '2011-11-01 08:16:00', '2011-11-01T08:16:00.000Z'],
  ['Europe/London', '2011-07-01 08:16', '2011-07-01T07:16:00.000Z'],
  ['America/New_York', '2011-11-01T08:16:00', '2011-11-01T12:16:00.000Z'],
  ['Asia/Kolkata', '2011-11-01 00:00:00', '2011-10-31T18:30:00.000Z'],
  // Clocks went back at 02:00 BST on 30 October 2011: 01:30 came twice, the first time in summer time.
  ['Europe/London', '2011-10-30 00:59:59', '2011-10-29T23:59:59.000Z'],
  ['Europe/London', '2011-10-30 01:30:00', '2011-10-30T00:30:00.000Z'],
  ['Europe/London', '2011-10-30 02:00:00', '2011-10-30T02:00:00.000Z'],
  // Clocks went forward at 01:00 GMT on 27 March 2011: 01:30 never came.
  ['Europe/London', '2011-03-27 00:59:59', '2011-03-27T00:59:59.000Z'],
  ['Europe/London', '2011-03-27 01:30:00', '2011-03-27T01:30:00.000Z'],
  ['Europe/London', '2011-03-27 02:00:00', '2011-03-27T01:00:00.000Z'],
])('in %s the clock shows %s at %s', (zone, text, instant) => {
  expect(instantOf(zone, text)).toBe(instant);
});

test.each([
  '',
  'yesterday',
  '2011-13-01 00:00',
  '2011-02-29 00:00',
  '2011-02-30 00:00',
  '2011-01-01 24:00',
  '2011-01-01',
  '1/12/2010 8:26',
])('%j is no time', (text) => {
  expect(parseLocalMs(text)).toBeUndefined();
});

test('a zone that does not exist is refused by name', () => {
  expect(() => new LocalTime('Mars/Olympus')).toThrow(
    'Expected an IANA time zone such as Europe/London, got "Mars/Olympus"',
  );
});
