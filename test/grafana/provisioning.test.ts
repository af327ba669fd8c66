import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { PROVISIONING_DIR, provisioningFiles } from '../../dashboards/grafana/files.ts';
import { erase } from '../../schemas/brand.ts';
import { DASHBOARDS, PANEL_QUERIES } from './panel-queries.ts';

const DIRECTORY = join(import.meta.dirname, '../..', PROVISIONING_DIR);

test('the provisioning files are those that npm run build:grafana writes', () => {
  const written = new Map(
    globSync('**/*.{json,yaml}', { cwd: DIRECTORY }).map((path) => [
      path,
      readFileSync(join(DIRECTORY, path), 'utf8'),
    ]),
  );
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(provisioningFiles()));
});

test('every query runs against a data source that is provisioned', () => {
  const { datasources } = erase<{ readonly datasources: readonly { readonly uid: string }[] }>(
    parse(readFileSync(join(DIRECTORY, 'datasources/weir.yaml'), 'utf8')),
  );
  const known = datasources.map(({ uid }) => uid);
  const used = new Set(PANEL_QUERIES.map(({ target }) => target.datasource.uid));
  expect([...used].toSorted()).toEqual(known.toSorted());
});

const SHOWN = DASHBOARDS.flatMap((dashboard) =>
  dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map((panel) => ({ where: `${dashboard.title}: ${panel.title}`, dashboard, panel })),
);

test.each(SHOWN)('$where explains itself and has a query', ({ panel }) => {
  expect(panel.description).toMatch(/^.{20,}\.$/);
  expect(panel.targets?.length).toBeGreaterThan(0);
  // Columns of a table have units of their own.
  const { unit } = panel.fieldConfig?.defaults ?? {};
  expect(panel.type === 'table' || unit !== undefined).toBe(true);
});

test.each(DASHBOARDS)('$title has numbered panels side by side, none over another', (dashboard) => {
  const { panels } = dashboard;
  expect(panels.map(({ id }) => id)).toEqual(panels.map((_, index) => index + 1));
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});
