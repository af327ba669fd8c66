import { expect, test } from 'vitest';

import { parseLogLine } from './log-line.ts';

const GOOD =
  '192.0.2.7 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 123 "http://example.com/" "Browser/1"';

test('a line in combined format is taken apart', () => {
  expect(parseLogLine(GOOD)).toEqual({
    kind: 'ok',
    line: {
      address: '192.0.2.7',
      timeMs: Date.UTC(2015, 4, 17, 10, 5, 3),
      method: 'GET',
      target: '/a?b=c',
      status: 200,
      referrer: 'http://example.com/',
      userAgent: 'Browser/1',
    },
  });
});

test.each([
  ['+0230', Date.UTC(2015, 4, 17, 7, 35, 3)],
  ['-0700', Date.UTC(2015, 4, 17, 17, 5, 3)],
])('the zone %s is taken into account', (zone, timeMs) => {
  expect(parseLogLine(GOOD.replace('+0000', zone))).toMatchObject({ line: { timeMs } });
});

test('quotes inside a user agent are part of it', () => {
  expect(parseLogLine(GOOD.replace('Browser/1', String.raw`a \"b\" \\ c`))).toMatchObject({
    line: { userAgent: String.raw`a "b" \ c` },
  });
});

test('a hyphen stands for nothing', () => {
  const line = GOOD.replace('http://example.com/', '-')
    .replace('Browser/1', '-')
    .replace(' 123 ', ' - ');
  expect(parseLogLine(line)).toMatchObject({
    kind: 'ok',
    line: { referrer: undefined, userAgent: undefined },
  });
});

test('a user name with spaces and what follows the format change nothing', () => {
  expect(parseLogLine(`${GOOD.replace(' bob ', ' bob the builder ')} "more" 12`)).toEqual(
    parseLogLine(GOOD),
  );
});

test.each([
  ['an empty line', '', 'IMPORT_LINE_MALFORMED'],
  [
    'common format, without referrer',
    GOOD.slice(0, GOOD.indexOf(' "http')),
    'IMPORT_LINE_MALFORMED',
  ],
  ['a line cut off in its user agent', GOOD.slice(0, -3), 'IMPORT_LINE_MALFORMED'],
  [
    'a request that is none',
    GOOD.replace('GET /a?b=c HTTP/1.1', String.raw`\x16\x03\x01`),
    'IMPORT_LINE_MALFORMED',
  ],
  ['a status that is none', GOOD.replace(' 200 ', ' 2x0 '), 'IMPORT_LINE_MALFORMED'],
  ['a month that is none', GOOD.replace('May', 'Mai'), 'IMPORT_TIME_INVALID'],
  ['a day that is none', GOOD.replace('17/May', '31/Apr'), 'IMPORT_TIME_INVALID'],
])('%s is refused', (_, text, code) => {
  expect(parseLogLine(text)).toMatchObject({ kind: 'rejected', code });
});
