import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';

import { type RunningApi, startApi } from '../../api/main.ts';
import { type Config, DEFAULT_CONFIG } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { PANELS } from '../../processors/panels.ts';
import { erase } from '../../schemas/brand.ts';
import { PANEL_QUERIES } from './panel-queries.ts';
import { readOf, withRange } from './promql.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES_FILE = join(ROOT, 'dashboards/prometheus/weir.rules.yaml');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const RULES = erase<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>(
  parse(readFileSync(RULES_FILE, 'utf8')),
).groups.flatMap(({ rules }) => rules);
const ALERTS = RULES.filter(({ alert }) => alert !== undefined);

/** Every expression of panels and rules, and where it stands. */
const EXPRESSIONS = [
  ...PANEL_QUERIES.filter(({ target }) => target.expr !== undefined).map(({ where, target }) => ({
    where,
    expr: withRange(target.expr ?? ''),
  })),
  ...RULES.map(({ record, alert, expr }) => ({ where: `rule ${record ?? alert}`, expr })),
];

/** What Prometheus itself adds, to every series and of its own. */
const SCRAPED_LABELS = ['job', 'instance'];
const OWN_SERIES: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'task', 'topic', 'slo'],
};

const dataDir = mkdtempSync(join(tmpdir(), 'weir-prometheus-'));
const labelsOf = new Map<string, readonly string[]>();
let engine: Embedded | undefined;
let api: RunningApi | undefined;

beforeAll(async () => {
  const config: Config = {
    ...DEFAULT_CONFIG,
    data_dir: dataDir,
    log_level: 'error',
    http: { ...DEFAULT_CONFIG.http, port: 0 },
  };
  engine = await Embedded.open(config, (error) => {
    throw error;
  });
  api = await startApi({
    config,
    engine,
    panels: PANELS,
    pageDir: undefined,
    logger: engine.logger,
  });
  const text = await (await fetch(new URL('/metrics', api.url))).text();
  const documented = documentedLabels();
  for (const [, name = '', kind = ''] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    const labels = documented.get(name) ?? [];
    if (kind !== 'histogram') labelsOf.set(name, labels);
    else {
      labelsOf.set(`${name}_bucket`, [...labels, 'le']);
      labelsOf.set(`${name}_count`, labels);
      labelsOf.set(`${name}_sum`, labels);
    }
  }
  for (const [name, labels] of Object.entries(OWN_SERIES)) labelsOf.set(name, labels);
  for (const { record, labels = {} } of RULES) {
    if (record !== undefined) labelsOf.set(record, Object.keys(labels));
  }
  for (const window of ['5m', '1h']) labelsOf.set(`weir:slo_burn:${window}`, ['slo']);
});
afterAll(async () => {
  await api?.close();
  await engine?.close();
  rmSync(dataDir, { recursive: true });
});

/** Labels by metric, of docs/metrics.md, which another test compares with the code. */
function documentedLabels(): ReadonlyMap<string, readonly string[]> {
  const rows = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8').matchAll(
    /^\| `(\w+)` \| \w+ \| ([^|]*) \|/gm,
  );
  return new Map(
    Array.from(rows, ([, name = '', labels = '']) => [
      name,
      labels
        .split(',')
        .map((label) => label.trim())
        .filter((label) => label !== ''),
    ]),
  );
}

test.each(EXPRESSIONS)('$where reads metrics that are served, with their labels', ({ expr }) => {
  const { names, matched, grouped } = readOf(expr);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !labelsOf.has(name))).toEqual([]);
  for (const { name, label } of matched) {
    expect([...(labelsOf.get(name) ?? []), ...SCRAPED_LABELS], name).toContain(label);
  }
  const known = new Set([...names.flatMap((name) => labelsOf.get(name) ?? []), ...SCRAPED_LABELS]);
  expect(grouped.filter((label) => !known.has(label))).toEqual([]);
});

test('a name that is not served and a label that a metric has not are noticed', () => {
  const read = readOf(
    'sum by (task) (rate(engine_lost_total{reason=~"a b"}[5m])) > on (topic) up == bool 1',
  );
  expect(read).toEqual({
    names: ['engine_lost_total', 'up'],
    matched: [{ name: 'engine_lost_total', label: 'reason' }],
    grouped: ['task', 'topic'],
  });
});

test.each(ALERTS)('$alert says what is wrong, how bad it is and what to do', (rule) => {
  expect(rule.labels?.['severity']).toMatch(/^(critical|warning)$/);
  expect(rule.annotations?.['summary']).toMatch(/\S/);
  expect(rule.annotations?.['description']).toMatch(/\.$/);
  const heading = rule.annotations?.['runbook']?.replace('docs/operations.md#', '');
  const headings = [
    ...readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').matchAll(/^### (.+)$/gm),
  ];
  expect(headings.map(([, text = '']) => text.toLowerCase())).toContain(heading);
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

test.skipIf(!hasPromtool)('promtool accepts the rules, and each expression of a panel', () => {
  // A panel's expression is checked as a rule of its own, because promtool reads nothing else offline.
  const file = join(dataDir, 'panels.rules.yaml');
  const rules = EXPRESSIONS.map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
  writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }));
  const checked = spawnSync('promtool', ['check', 'rules', RULES_FILE, file], { encoding: 'utf8' });
  expect(checked.status, checked.stdout + checked.stderr).toBe(0);
});

test.skipIf(!hasPromtool)('alerts fire when they should and only then, by promtool', () => {
  const file = join(ROOT, 'test/grafana/weir.rules.test.yaml');
  const tested = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  expect(tested.status, tested.stdout + tested.stderr).toBe(0);
});
