import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { parseEvent } from '../../schemas/events/parse.ts';
import { type AccessLogOptions, findSiteHosts, readAccessLog } from './access-log.ts';
import { SummaryBuilder } from './summary.ts';

const SAMPLE = new URL('fixtures/access-log-sample.txt', import.meta.url);
const NO_HOSTS: AccessLogOptions = { siteHosts: [] };

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-log-'));
});
afterAll(() => rm(directory, { recursive: true }));

let fileCount = 0;
async function fileOf(content: string | Buffer): Promise<string> {
  fileCount += 1;
  const file = join(directory, `${fileCount}.log`);
  await writeFile(file, content);
  return file;
}

interface Outcome {
  readonly events: readonly unknown[];
  readonly codes: readonly string[];
  readonly rules: Readonly<Record<string, number>>;
  readonly lines: unknown;
  readonly error: unknown;
}

async function read(file: string, options?: AccessLogOptions): Promise<Outcome> {
  const events: unknown[] = [];
  const codes: string[] = [];
  const summary = new SummaryBuilder();
  let error: unknown;
  try {
    for await (const batch of readAccessLog(file, options)) {
      summary.add(batch, undefined);
      events.push(...batch.events);
      codes.push(...batch.rejected.map(({ code }) => code));
    }
  } catch (thrown) {
    error = thrown;
  }
  const { lines, rules } = summary.summary();
  return { events, codes, rules, lines, error };
}

function line(request: string, status = 200, referrer = '-'): string {
  return `192.0.2.7 - - [17/May/2015:10:05:03 +0000] "${request}" ${status} 123 "${referrer}" "Browser/1"`;
}

test('a request becomes a click of the visitor that address and user agent make', async () => {
  const file = await fileOf(
    line('GET /cups?utm_medium=email&utm_campaign=spring HTTP/1.1', 200, 'http://blog.example/'),
  );
  const { events } = await read(file, NO_HOSTS);
  expect(events).toMatchObject([
    {
      occurred_at: Date.UTC(2015, 4, 17, 10, 5, 3),
      source: 'access-log',
      kind: 'page_view',
      channel: 'email',
      campaign: 'spring',
      url: '/cups?utm_medium=email&utm_campaign=spring',
      referrer: 'http://blog.example/',
      ip: '192.0.2.7',
      user_agent: 'Browser/1',
    },
  ]);
});

test.each([
  ['a page', line('GET /cups HTTP/1.1'), 'page_view', 'page_views'],
  ['a page the browser still had', line('GET /cups HTTP/1.1', 304), 'page_view', 'page_views'],
  [
    'a page with a dot in its query',
    line('GET /cups?image=a.png HTTP/1.1'),
    'page_view',
    'page_views',
  ],
  ['a picture', line('GET /cups/blue.PNG?v=2 HTTP/1.1'), 'beacon', 'assets'],
  ['robots.txt', line('GET /robots.txt HTTP/1.1'), 'beacon', 'machine_files'],
  ['a page that is not there', line('GET /mugs HTTP/1.1', 404), 'beacon', 'errors'],
  ['a page that has moved', line('GET /mugs HTTP/1.1', 301), 'beacon', 'redirects'],
  ['a form that was sent', line('POST /cart HTTP/1.1'), 'beacon', 'other_methods'],
])('%s is counted by its rule', async (_, text, kind, rule) => {
  const { events, rules } = await read(await fileOf(text), NO_HOSTS);
  expect(events).toMatchObject([{ kind }]);
  expect(rules).toEqual({ [rule]: 1 });
});

test('identical lines are requests of their own, with ids that do not depend on their order', async () => {
  const texts = [
    line('GET /a HTTP/1.1'),
    line('GET /b HTTP/1.1'),
    line('GET /a HTTP/1.1'),
    line('GET /a HTTP/1.1'),
  ];
  const idsOf = async (lines: readonly string[]): Promise<Set<unknown>> => {
    const { events } = await read(await fileOf(lines.join('\n')), NO_HOSTS);
    return new Set(events.map((event) => JSON.stringify(event)));
  };
  const events = await idsOf(texts);
  expect(events.size).toBe(4);
  expect(await idsOf(texts.toReversed())).toEqual(events);
  expect((await read(await fileOf(texts.join('\n')), NO_HOSTS)).rules).toMatchObject({
    repeated_lines: 2,
  });
});

test('broken and blank lines are counted and do no harm', async () => {
  const file = await fileOf(
    ['', line('GET /a HTTP/1.1'), 'nonsense', line('GET /b HTTP/1.1').slice(0, 50), ''].join(
      '\r\n',
    ),
  );
  const { codes, lines, events } = await read(file, NO_HOSTS);
  expect(codes).toEqual(['IMPORT_LINE_MALFORMED', 'IMPORT_LINE_MALFORMED']);
  expect(lines).toEqual({ read: 4, imported: 1, rejected: 2, skipped: 1 });
  expect(events.length).toBe(1);
});

test('a line of megabytes is refused and the lines around it are not', async () => {
  const file = await fileOf(
    [line('GET /a HTTP/1.1'), 'x'.repeat(3_000_000), line('GET /b HTTP/1.1')].join('\n'),
  );
  const { codes, events } = await read(file, NO_HOSTS);
  expect(codes).toEqual(['IMPORT_LINE_TOO_LONG']);
  expect(events).toMatchObject([{ url: '/a' }, { url: '/b' }]);
});

// Counted by a program of its own over the sample (awk).
test('the sample of a real server gives the figures of an independent count', async () => {
  const { rules, lines, events, codes } = await read(SAMPLE.pathname);
  expect(rules).toMatchObject({
    page_views: 93,
    assets: 54,
    machine_files: 13,
    errors: 5,
    redirects: 4,
    other_methods: 3,
  });
  expect(lines).toEqual({ read: 172, imported: 172, rejected: 0, skipped: 0 });
  expect(codes).toEqual([]);
  const time = { nowMs: Date.UTC(2025, 0, 1), clockSkewMs: 0 };
  for (const event of events) expect(parseEvent('click', event, time).kind).toBe('ok');
});

test('the reversed sample gives the same events', async () => {
  const reversed = (await readFile(SAMPLE, 'utf8')).trimEnd().split('\n').toReversed().join('\n');
  const sorted = async (file: string): Promise<string[]> =>
    (await read(file)).events.map((event) => JSON.stringify(event)).toSorted();
  expect(await sorted(await fileOf(reversed))).toEqual(await sorted(SAMPLE.pathname));
});

test('the site finds its own host by who loads its pictures', async () => {
  expect(await findSiteHosts(SAMPLE.pathname)).toEqual(['semicomplete.com']);
  const { events } = await read(SAMPLE.pathname);
  const channels = new Set(
    events.map((event) => /"channel":"(\w+)"/.exec(JSON.stringify(event))?.[1]),
  );
  expect(channels).toEqual(new Set(['direct', 'organic', 'referral', 'feed']));
});

test('a cut-off gzip log gives all whole lines, counts the cut one, then the error', async () => {
  const packed = gzipSync(await readFile(SAMPLE));
  const whole = (await read(SAMPLE.pathname, NO_HOSTS)).events;
  const { events, codes, error } = await read(
    await fileOf(packed.subarray(0, packed.length >> 1)),
    NO_HOSTS,
  );
  expect(error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
  expect(events.length).toBeGreaterThan(10);
  expect(events).toEqual(whole.slice(0, events.length));
  expect(codes).toEqual(['IMPORT_LINE_INCOMPLETE']);
});

test('a gzip log whose checksum is wrong gives lines of what was unpacked before the end, then the error', async () => {
  const packed = gzipSync(await readFile(SAMPLE));
  packed[packed.length - 8] = (packed.at(-8) ?? 0) ^ 0xff;
  const { events, error } = await read(await fileOf(packed), NO_HOSTS);
  const whole = (await read(SAMPLE.pathname, NO_HOSTS)).events;
  expect(events.length).toBeGreaterThan(100);
  expect(events).toEqual(whole.slice(0, events.length));
  expect(error).toMatchObject({ code: 'IMPORT_FILE_DAMAGED' });
});
