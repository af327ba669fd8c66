import { type Import, type Sources, cyclesOf, importsOf } from './imports.ts';

/** Who may import whom. */
interface Layer {
  readonly name: string;
  /** Files of the layer; a file belongs to the first layer that matches it. */
  readonly files: RegExp;
  /** Files of ours that it may import, those of its own layer included. */
  readonly mayImport: readonly RegExp[];
  /** Names of files in the importing file's own folder that it may import besides. */
  readonly ownFolder?: RegExp;
  /** Whether it may import packages and built-in modules. */
  readonly mayUsePackages: boolean;
}

const SCHEMAS = /^schemas\//;
const STATISTICS = /^statistics\//;
const TIME = /^processors\/engine\/time\//;
const WINDOW = /^processors\/engine\/window\//;
const OPERATOR = /^processors\/engine\/operator\//;
// What an operator, a processor and a table are: types that every part of the engine speaks of.
const CONTRACT = /^processors\/engine\/operator\/(operator|processor|table)\.ts$/;
const STATE = /^processors\/engine\/state\//;
const TELEMETRY = /^processors\/engine\/telemetry\//;
const LOG = /^processors\/engine\/log\//;
const SINK = /^processors\/engine\/sink\//;
const PROCESSORS = /^processors\//;
const DOOR = /^processors\/door(\/.*)?\.ts$/;
const PANELS = /^processors\/panels\.ts$/;
const PANEL = /^processors\/[^/]+\/panel\.ts$/;
const SHOWN = /^processors\/[^/]+\/(panel|row|reads)\.ts$/;
const API = /^api\//;
const DASHBOARDS = /^dashboards\//;
const CLI = /^cli\//;
const SHOP = /^bench\/shop\//;
const PAGE_BUILD = /^dashboards\/live\/build\.ts$/;
const EVERYTHING = /^/;

/** The table of docs/architecture.md. A test counts as `test/` wherever it stands. */
const LAYERS: readonly Layer[] = [
  {
    name: 'a test',
    files: /^(test\/|[^/]+\.config\.ts$)|\.(test|bench)\.tsx?$/,
    mayImport: [EVERYTHING],
    mayUsePackages: true,
  },
  { name: 'bench', files: /^bench\//, mayImport: [EVERYTHING], mayUsePackages: true },
  { name: 'schemas', files: SCHEMAS, mayImport: [SCHEMAS], mayUsePackages: true },
  {
    name: 'statistics',
    files: STATISTICS,
    mayImport: [SCHEMAS, STATISTICS],
    mayUsePackages: false,
  },
  { name: 'engine/time', files: TIME, mayImport: [SCHEMAS, TIME], mayUsePackages: false },
  {
    name: 'engine/window',
    files: WINDOW,
    mayImport: [SCHEMAS, TIME, WINDOW],
    mayUsePackages: false,
  },
  {
    name: 'engine/operator',
    files: OPERATOR,
    mayImport: [SCHEMAS, TIME, WINDOW, OPERATOR],
    mayUsePackages: false,
  },
  {
    name: 'engine/state',
    files: STATE,
    mayImport: [SCHEMAS, TIME, CONTRACT, STATE],
    mayUsePackages: true,
  },
  {
    name: 'engine/telemetry',
    files: TELEMETRY,
    mayImport: [SCHEMAS, TIME, TELEMETRY],
    mayUsePackages: true,
  },
  {
    name: 'engine/log',
    files: LOG,
    mayImport: [SCHEMAS, TIME, TELEMETRY, LOG],
    mayUsePackages: true,
  },
  {
    name: 'engine/sink',
    files: SINK,
    mayImport: [SCHEMAS, TIME, TELEMETRY, CONTRACT, SINK],
    mayUsePackages: true,
  },
  {
    name: 'engine/runtime',
    files: /^processors\/engine\//,
    mayImport: [SCHEMAS, /^processors\/engine\//],
    mayUsePackages: true,
  },
  { name: 'the door', files: DOOR, mayImport: [SCHEMAS, PROCESSORS], mayUsePackages: true },
  { name: 'panels.ts', files: PANELS, mayImport: [SCHEMAS, PANEL], mayUsePackages: false },
  {
    name: 'where the parts meet',
    files: /^processors\/[^/]+\.ts$/,
    mayImport: [SCHEMAS, PROCESSORS],
    mayUsePackages: true,
  },
  {
    name: 'panel.ts, row.ts or reads.ts',
    files: SHOWN,
    mayImport: [SCHEMAS, /^processors\/engine\/operator\/table\.ts$/],
    ownFolder: /^(panel|row|reads)\.ts$/,
    mayUsePackages: false,
  },
  {
    name: 'a processor',
    files: PROCESSORS,
    mayImport: [SCHEMAS, STATISTICS, TIME, WINDOW, OPERATOR],
    ownFolder: EVERYTHING,
    mayUsePackages: false,
  },
  {
    name: 'api',
    files: API,
    mayImport: [SCHEMAS, STATISTICS, PANELS, SHOWN, API],
    mayUsePackages: true,
  },
  {
    name: 'dashboards',
    files: DASHBOARDS,
    mayImport: [SCHEMAS, STATISTICS, PANELS, SHOWN, DASHBOARDS],
    mayUsePackages: true,
  },
  {
    name: 'cli',
    files: CLI,
    mayImport: [
      SCHEMAS,
      /^processors\/[^/]+\.ts$/,
      /^api\/(sql\/)?main\.ts$/,
      SHOP,
      PAGE_BUILD,
      CLI,
    ],
    mayUsePackages: true,
  },
];

/** Code that is not code of the product: nothing of the product imports it. */
const OUTSIDE = /^(test\/|bench\/(?!shop\/))|\.(test|bench)\.tsx?$/;

/** Names that say nothing about what is inside. */
const EMPTY_NAMES = /(^|[/-])(helpers?|utils?|utilities|managers?|common|misc|shared|index)[-.]/;

/**
 * Everything in `sources` that breaks the layout, one sentence each.
 *
 * @param exists whether a file that is no source, such as a style sheet, is there
 */
export function violationsOf(sources: Sources, exists: (path: string) => boolean): string[] {
  const imports = importsOf(sources);
  return [
    ...[...sources.keys()].flatMap((path) => nameViolationsOf(path)),
    ...imports.flatMap((one) => importViolationsOf(one, sources, exists)),
    ...cyclesOf(imports).map((cycle) => `${cycle.join(' → ')}: a cycle`),
  ];
}

function nameViolationsOf(path: string): string[] {
  const problems: string[] = [];
  if (EMPTY_NAMES.test(path)) problems.push(`${path}: a name that says nothing`);
  if (layerOf(path) === undefined) problems.push(`${path}: belongs to no layer`);
  return problems;
}

function importViolationsOf(
  { from, specifier, to }: Import,
  sources: Sources,
  exists: (path: string) => boolean,
): string[] {
  const layer = layerOf(from);
  if (layer === undefined) return [];
  if (specifier === undefined) return [`${from}: an import of a computed name`];
  if (to === undefined) {
    return layer.mayUsePackages ? [] : [`${from} → ${specifier}: ${layer.name} uses no package`];
  }
  if (!sources.has(to) && !exists(to)) return [`${from} → ${to}: no such file`];
  const isOutside = OUTSIDE.test(from) || /^bench\/|^[^/]+\.config\.ts$/.test(from);
  if (OUTSIDE.test(to) && !isOutside) return [`${from} → ${to}: nothing imports tests or benches`];
  return isAllowed(layer, from, to) ? [] : [`${from} → ${to}: not for ${layer.name}`];
}

function isAllowed(layer: Layer, from: string, to: string): boolean {
  if (layer.mayImport.some((files) => files.test(to))) return true;
  if (layer.ownFolder === undefined) return false;
  const folder = folderOf(from);
  return to.startsWith(folder) && layer.ownFolder.test(to.slice(folder.length));
}

/** `processors/traffic/` for every file below it. */
function folderOf(path: string): string {
  return /^processors\/[^/]+\//.exec(path)?.[0] ?? path;
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.test(path));
}
