import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { LIVE_ERROR_CODES } from '../api/live/messages.ts';
import { ApiMetrics } from '../api/metrics.ts';
import { PROBLEMS } from '../api/problem.ts';
import { FORMATS } from '../api/sql/formats.ts';
import { SQL_CODES } from '../api/sql/refusal.ts';
import { APPLIED_SETTINGS, LIMIT_SETTINGS } from '../api/sql/settings.ts';
import { IMPORT_LINE_CODES } from '../cli/import/batch.ts';
import { settingNames } from '../processors/config.ts';
import { Metrics } from '../processors/engine/telemetry/metrics.ts';
import { STOCK_STATES } from '../processors/stock/row.ts';
import { ERROR_CODES } from '../schemas/errors.ts';
import { EVENT_CODES } from '../schemas/events/rejection.ts';
import { WIRE_CODES } from '../schemas/events/wire.ts';

const ROOT = join(import.meta.dirname, '..');

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The part of a document under the heading `section`. */
function sectionOf(file: string, section: string): string {
  const [, after = ''] = read(file).split(`\n## ${section}\n`);
  return after.split('\n## ')[0] ?? '';
}

/** The rows that begin with a name in backticks: their cells, the first one without the backticks. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')));
}

/** The files of the product, with their text. */
function sources(): { readonly path: string; readonly text: string }[] {
  return globSync('{schemas,processors,api,cli}/**/*.ts', { cwd: ROOT })
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => ({ path, text: read(path) }));
}

const LISTS: [string, readonly string[]][] = [
  ['Commands and the running process', ERROR_CODES],
  ['Refused events', EVENT_CODES],
  // A refusal of ingest is the engine's; DISK_FULL is explained with the errors of the process.
  ['HTTP answers', [...Object.keys(PROBLEMS), 'INGEST_BACKLOG', 'MEMORY_SHORT']],
  ['ClickHouse clients', Object.keys(SQL_CODES)],
  ['Live messages', LIVE_ERROR_CODES],
  ['Damaged records', WIRE_CODES],
  ['Refused lines of a file', IMPORT_LINE_CODES],
];

test.each(LISTS)(
  'docs/errors.md explains under "%s" every code there is, and no other',
  (section, codes) => {
    const rows = rowsOf(sectionOf('docs/errors.md', section));
    expect(rows.map(([code]) => code)).toEqual(codes.toSorted());
    for (const [code, ...explanation] of rows) {
      expect(explanation, code).toHaveLength(3);
      for (const cell of explanation) expect(cell, code).toMatch(/^[A-Z0-9`].*\.$/);
    }
  },
);

test('every code in the source is explained in the documentation, and no other', () => {
  const documentation = globSync('docs/*.md', { cwd: ROOT }).map((path) => read(path));
  const isExplained = (code: string): boolean =>
    documentation.some((text) => text.includes(`\`${code}\``));
  // Codes of Node and of Fastify, which Weir only compares with; states and variables are no codes.
  const foreign = /^(ERR|FST|HPE)_/;
  const others = new Set<string>([
    ...STOCK_STATES,
    ...settingNames().map(({ variable }) => variable),
  ]);
  const found = new Map<string, string>();
  for (const { path, text } of sources()) {
    for (const [, code = ''] of text.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)) {
      if (!foreign.test(code) && !others.has(code)) found.set(code, path);
    }
  }
  const unexplained = [...found].filter(([code]) => !isExplained(code));
  expect(unexplained).toEqual([]);
  const explained = rowsOf(read('docs/errors.md')).map(([code = '']) => code);
  // The codes of a single word, which no pattern tells from another constant.
  found.set('INTERNAL', 'api/problem.ts');
  found.set('READONLY', 'api/sql/refusal.ts');
  expect(explained.filter((code) => !found.has(code))).toEqual([]);
});

test('docs/metrics.md describes every metric with its kind and labels, and no other', async () => {
  // A metric's declaration: kind, name, help, labels.
  const engine =
    /this\.#(?<kind>counter|gauge|histogram)\(\s*'(?<name>\w+)',\s*'[^']+',\s*\[(?<labels>[^\]]*)\]/g;
  const api =
    /new (?<kind>Counter|Gauge|Histogram)\(\{\s*name: '(?<name>\w+)',\s*help: '[^']+',(?:\s*labelNames: \[(?<labels>[^\]]*)\])?/g;
  const declared = [
    ...read('processors/engine/telemetry/metrics.ts').matchAll(engine),
    ...read('api/metrics.ts').matchAll(api),
  ].map(({ groups }) => [
    groups?.['name'],
    groups?.['kind']?.toLowerCase(),
    (groups?.['labels'] ?? '').replaceAll(/['\s]|,\s*$/g, '').replaceAll(',', ', '),
  ]);
  const rows = rowsOf(read('docs/metrics.md'));
  expect(rows.map(([name, kind, labels]) => [name, kind, labels])).toEqual(declared);
  for (const [name, , , meaning] of rows) expect(meaning, name).toMatch(/^[A-Z0-9].*\.$/);
  // What is registered is the oracle for the declarations found above.
  const served = (await new Metrics().registry.metrics()) + (await new ApiMetrics().text());
  const names = Array.from(served.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name);
  expect(names.filter((name) => !/^(process|nodejs)_/.test(name ?? ''))).toEqual(
    rows.map(([name]) => name),
  );
});

test('docs/sql.md names every format of an answer and every setting that a request may send', () => {
  const text = read('docs/sql.md');
  const names = [...FORMATS.keys(), ...APPLIED_SETTINGS, ...LIMIT_SETTINGS];
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('every setting is read by something', () => {
  const readers = sources().filter(({ path }) => path !== 'processors/config.ts');
  const unread = settingNames().filter(({ path }) => {
    const [section = '', key] = path.split('.');
    const patterns = [`\\b(config|Config)\\.${section}\\b`, `\\b${key ?? section}\\b`];
    return !readers.some(({ text }) => patterns.every((pattern) => new RegExp(pattern).test(text)));
  });
  expect(unread.map(({ path }) => path)).toEqual([]);
});
