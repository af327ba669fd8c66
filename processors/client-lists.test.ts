import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { erase } from '../schemas/brand.ts';
import { createClientLists, parseRule } from './client-lists.ts';
import { agentFormOf, networkOf } from './door/client-forms.ts';

const require = createRequire(import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'weir-lists-'));
const SHIPPED = { rangesFile: undefined, crawlersFile: undefined, allow: [], deny: [] };
const lists = createClientLists(SHIPPED);

afterAll(() => rmSync(directory, { recursive: true }));

function listFile(content: unknown): string {
  const file = join(directory, 'list.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

test('at least 99.5 % of the programs of crawler-user-agents are recognised by their form', () => {
  const crawlers = erase<readonly { readonly instances: readonly string[] }[]>(
    require('crawler-user-agents'),
  );
  const agents = [...new Set(crawlers.flatMap(({ instances }) => instances))];
  const missed = agents.filter((agent) => lists.agent(agentFormOf(agent)) === undefined);
  expect(agents.length).toBe(2_118);
  expect(missed.length).toBeLessThanOrEqual(Math.floor(agents.length * 0.005));
});

test('no browser of user-agents is taken for a program', () => {
  const file = join(require.resolve('user-agents'), '../user-agents.json');
  const people = erase<readonly { readonly userAgent: string }[]>(require(file));
  const agents = [...new Set(people.map(({ userAgent }) => userAgent))];
  expect(agents.length).toBeGreaterThan(900);
  expect(agents.filter((agent) => lists.agent(agentFormOf(agent)) !== undefined)).toEqual([]);
});

test('a list says of a user agent why, and the version names every list', () => {
  expect(lists.agent(agentFormOf('Googlebot/2.1'))).toBe('agent_isbot');
  expect(lists.agent(agentFormOf('curl/8.5.0'))).toBe('agent_isbot');
  expect(lists.agent('Our Shop App/0.0 (iPhone) CFNetwork')).toBe('not_a_browser');
  expect(lists.version).toMatch(
    /^isbot \d+\.\d+\.\d+, crawler-user-agents \d+\.\d+\.\d+, ranges sample-2026-11$/,
  );
});

test('the sample knows the networks of crawlers and data centres', () => {
  expect(lists.network(networkOf('66.249.66.1'))).toEqual({ kind: 'crawler', name: 'googlebot' });
  expect(lists.network(networkOf('5.9.44.3'))).toEqual({ kind: 'data_centre' });
  expect(lists.network(networkOf('192.0.2.1'))).toBeUndefined();
});

test('a file of ranges takes the place of the sample, and the longest network wins', () => {
  const file = listFile({
    version: 'mine-1',
    data_centres: ['10.0.0.0/8', '2001:db8::/32'],
    crawlers: { acmebot: ['10.1.0.0/16'] },
  });
  const mine = createClientLists({ ...SHIPPED, rangesFile: file });
  expect(mine.version).toContain('ranges mine-1');
  expect(mine.network('10.2.3.0/24')).toEqual({ kind: 'data_centre' });
  expect(mine.network('10.1.3.0/24')).toEqual({ kind: 'crawler', name: 'acmebot' });
  expect(mine.network('2001:db8:7::/48')).toEqual({ kind: 'data_centre' });
  expect(mine.network('66.249.66.0/24')).toBeUndefined();
});

test.each([
  [{ data_centres: [] }],
  [{ version: '1', data_centres: ['10.0.0.0/33'] }],
  [{ version: '1', data_centres: ['10.0.0.0/28'] }],
  [{ version: '1', crawlers: { a: 'b' } }],
])('a file of ranges with %j is refused', (content) => {
  const file = listFile(content);
  expect(() => createClientLists({ ...SHIPPED, rangesFile: file })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID' }),
  );
});

test('a newer list of crawlers takes the place of the one that comes along, and names the same', () => {
  const entries = erase<readonly { readonly instances: readonly string[] }[]>(
    require('crawler-user-agents'),
  );
  const mine = createClientLists({ ...SHIPPED, crawlersFile: listFile(entries) });
  expect(mine.version).toMatch(/, crawler-user-agents sha256:[0-9a-f]{12}, /);
  const forms = entries.map(({ instances: [first = ''] }) => agentFormOf(first));
  expect(forms.length).toBeGreaterThan(1_000);
  expect(forms.map((form) => mine.agent(form))).toEqual(forms.map((form) => lists.agent(form)));
});

test.each([
  { version: '2', patterns: ['^(a+)+$', 'Acme\\/'] },
  [{ pattern: '^(a+)+$', url: 'x' }, { pattern: 'Acme\\/' }],
])('patterns of a list of somebody are matched in linear time: %j', (content) => {
  const mine = createClientLists({ ...SHIPPED, crawlersFile: listFile(content) });
  const startedAtMs = performance.now();
  expect(mine.agent(`Mozilla/0 ${'a'.repeat(200)}!`)).toBeUndefined();
  expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  expect(mine.agent('Mozilla/0 Acme/0')).toBe('agent_crawlers');
  expect(mine.agent('Mozilla/0 Acmes')).toBeUndefined();
});

test.each([[[]], [[{ pattern: '(?=a)' }]], [[{ url: 'x' }]], [{ version: '1', patterns: 'a' }]])(
  'a list of crawlers with %j is refused, and so is a list of networks in its place',
  (content) => {
    const refusal = expect.objectContaining({ code: 'CONFIG_INVALID' });
    const damaged = listFile(content);
    expect(() => createClientLists({ ...SHIPPED, crawlersFile: damaged })).toThrow(refusal);
    const ranges = listFile({ version: '1', data_centres: [] });
    expect(() => createClientLists({ ...SHIPPED, crawlersFile: ranges })).toThrow(refusal);
  },
);

test('rules are about agents, networks and sources, and an allow rule wins', () => {
  const ruled = createClientLists({
    ...SHIPPED,
    allow: ['network 10.0.0.0/8'],
    deny: ['agent ^acme', 'source partner'],
  });
  const client = { agent: 'Acme/0', network: '10.1.2.0/24', source: 'web' };
  expect(ruled.rule(client)).toBe('allow');
  expect(ruled.rule({ ...client, network: null })).toBe('deny');
  expect(ruled.rule({ agent: null, network: null, source: 'partner' })).toBe('deny');
  expect(ruled.rule({ agent: 'Mozilla/0', network: null, source: 'web' })).toBeUndefined();
});

test.each(['agent (', 'agent', 'network 10.0.0.1', 'network 10.0.0.0/28', 'visitor v1', ''])(
  '%j is no rule',
  (text) => {
    expect(parseRule(text)).toBeUndefined();
  },
);

test('a pattern that makes backtracking engines hang is matched in linear time', () => {
  const rule = parseRule('agent ^(a+)+$');
  const startedAtMs = performance.now();
  const client = { agent: `${'a'.repeat(250)}!`, network: null, source: 'web' };
  expect(rule?.matches(client)).toBe(false);
  expect(performance.now() - startedAtMs).toBeLessThan(1_000);
});
