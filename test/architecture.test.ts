import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { violationsOf } from './architecture/layers.ts';

const ROOT = join(import.meta.dirname, '..');

const CODE = [
  '*.config.ts',
  '{schemas,processors,api,cli,dashboards,bench,test}/**/*.{ts,tsx,js}',
] as const;

/** The violations of a tree that holds only these files. */
function check(files: Readonly<Record<string, string>>): string[] {
  return violationsOf(new Map(Object.entries(files)), () => false);
}

test('every import of the tree keeps to the layers, and none forms a cycle', () => {
  const paths = globSync([...CODE], {
    cwd: ROOT,
    exclude: ['**/node_modules/**', 'dashboards/live/dist/**'],
  });
  const sources = new Map(paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
  expect(sources.size).toBeGreaterThan(20);
  expect(violationsOf(sources, (path) => existsSync(join(ROOT, path)))).toEqual([]);
});

test.each([
  ['schemas/a.ts', 'processors/main.ts', 'schemas'],
  ['processors/engine/time/a.ts', 'processors/engine/window/b.ts', 'engine/time'],
  ['processors/engine/window/a.ts', 'processors/engine/operator/operator.ts', 'engine/window'],
  ['processors/engine/operator/a.ts', 'processors/engine/state/store.ts', 'engine/operator'],
  ['processors/engine/state/a.ts', 'processors/engine/operator/deduplicate.ts', 'engine/state'],
  ['processors/engine/log/a.ts', 'processors/engine/state/store.ts', 'engine/log'],
  ['processors/engine/sink/a.ts', 'processors/engine/log/log.ts', 'engine/sink'],
  ['processors/engine/runtime/a.ts', 'processors/traffic/row.ts', 'engine/runtime'],
  ['processors/traffic/operator.ts', 'processors/engine/state/store.ts', 'a processor'],
  ['processors/traffic/operator.ts', 'processors/stock/row.ts', 'a processor'],
  ['processors/traffic/operator.ts', 'processors/config.ts', 'a processor'],
  ['processors/traffic/row.ts', 'processors/traffic/operator.ts', 'panel.ts, row.ts or reads.ts'],
  ['processors/traffic/panel.ts', 'processors/stock/row.ts', 'panel.ts, row.ts or reads.ts'],
  ['processors/panels.ts', 'processors/traffic/operator.ts', 'panels.ts'],
  ['api/server.ts', 'processors/main.ts', 'api'],
  ['api/server.ts', 'dashboards/live/build.ts', 'api'],
  ['dashboards/live/build.ts', 'api/server.ts', 'dashboards'],
  ['cli/start.ts', 'processors/engine/log/log.ts', 'cli'],
])('%s may not import %s', (from, to, layer) => {
  const up = '../'.repeat(from.split('/').length - 1);
  expect(check({ [from]: `import { x } from '${up}${to}';\n`, [to]: '' })).toEqual([
    `${from} → ${to}: not for ${layer}`,
  ]);
});

test.each([
  ['processors/main.ts', 'processors/engine/runtime/task.ts'],
  ['processors/door/door.ts', 'processors/engine/log/log.ts'],
  ['processors/panels.ts', 'processors/traffic/panel.ts'],
  ['processors/traffic/operator.ts', 'processors/traffic/row.ts'],
  ['processors/traffic/operator.ts', 'processors/engine/window/session.ts'],
  ['api/server.ts', 'processors/traffic/row.ts'],
  ['cli/demo.ts', 'bench/shop/shop.ts'],
  ['processors/traffic/traffic.test.ts', 'test/doubles/output.ts'],
])('%s may import %s', (from, to) => {
  const up = '../'.repeat(from.split('/').length - 1);
  expect(check({ [from]: `import { x } from '${up}${to}';\n`, [to]: '' })).toEqual([]);
});

// The examples name their target TARGET, so that this file, which is checked too, imports nothing.
test.each([
  ["import type { X } from 'TARGET';"],
  ["import {\n  x,\n  y,\n} from 'TARGET';"],
  ["import 'TARGET';"],
  ["export { x } from 'TARGET';"],
  ["export * from 'TARGET';"],
  ["const { x } = await import('TARGET');"],
  ["type X = import('TARGET').X;"],
  ["new Worker(new URL('TARGET', import.meta.url));"],
])('%j is seen as an import', (example) => {
  const code = example.replace('TARGET', '../processors/main.ts');
  expect(check({ 'schemas/a.ts': code, 'processors/main.ts': '' })).toEqual([
    'schemas/a.ts → processors/main.ts: not for schemas',
  ]);
});

test('an import in a comment, or a method of that name, is none', () => {
  const examples =
    "// import { x } from 'TARGET';\n/**\n * import('TARGET')\n */\nthis.#import(name);";
  expect(check({ 'schemas/a.ts': examples.replaceAll('TARGET', '../api/a.ts') })).toEqual([]);
});

test('the pure core and the processors use no package', () => {
  expect(
    check({
      'processors/engine/window/a.ts': "import { x } from 'node:fs';\n",
      'processors/traffic/operator.ts': "import { y } from 'lmdb';\n",
      'processors/engine/state/lmdb.ts': "import { y } from 'lmdb';\n",
    }),
  ).toEqual([
    'processors/engine/window/a.ts → node:fs: engine/window uses no package',
    'processors/traffic/operator.ts → lmdb: a processor uses no package',
  ]);
});

test('the product imports no test and no bench', () => {
  expect(
    check({
      'processors/main.ts': "import { x } from './config.test.ts';\n",
      'processors/config.test.ts': '',
      'cli/demo.ts': "import { x } from '../bench/core.bench.ts';\n",
      'bench/core.bench.ts': '',
    }),
  ).toEqual([
    'processors/main.ts → processors/config.test.ts: nothing imports tests or benches',
    'cli/demo.ts → bench/core.bench.ts: nothing imports tests or benches',
  ]);
});

test('an import that leads nowhere or is computed is refused', () => {
  const keyword = 'import';
  expect(
    check({
      'api/a.ts': "import { x } from './b.ts';\n",
      'api/c.ts': `await ${keyword}(name);\n`,
    }),
  ).toEqual(['api/a.ts → api/b.ts: no such file', 'api/c.ts: an import of a computed name']);
});

test('a cycle is reported once, with its path', () => {
  expect(
    check({
      'schemas/a.ts': "import { b } from './b.ts';\n",
      'schemas/b.ts': "import { c } from './c.ts';\n",
      'schemas/c.ts': "import { a } from './a.ts';\nimport { b } from './b.ts';\n",
    }),
  ).toEqual([
    'schemas/a.ts → schemas/b.ts → schemas/c.ts → schemas/a.ts: a cycle',
    'schemas/b.ts → schemas/c.ts → schemas/b.ts: a cycle',
  ]);
});

test('a file has a name that says something, and a place in the layout', () => {
  expect(check({ 'api/helpers.ts': '', 'api/index.ts': '', 'tools/a.ts': '' })).toEqual([
    'api/helpers.ts: a name that says nothing',
    'api/index.ts: a name that says nothing',
    'tools/a.ts: belongs to no layer',
  ]);
});
