import { armOf } from '../schemas/assignment.ts';
import { EngineError } from '../schemas/errors.ts';
import type { Row } from '../schemas/panel.ts';
import type { Assignment, QueryParameter } from '../schemas/ports.ts';
import { DAY_MS, durationMs } from '../schemas/time.ts';
import type { Config } from './config.ts';
import type { Column } from './engine/operator/table.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { tsvRow } from './engine/sink/lines.ts';
import { type LiftTest, OUTCOMES, type Outcome, cohortMsOf } from './lift/row.ts';

type DeclaredTest = Config['lift']['tests'][number];

/** No stop: later than any event. */
const NEVER_MS = Date.UTC(2286, 0, 1);

/** The stored table of every test and its changes. */
export const LIFT_TESTS_LOG = 'lift_tests_log';
const LOG_COLUMNS: readonly Column[] = [
  { name: 'recorded_at', type: 'instant' },
  { name: 'change', type: 'text' },
  { name: 'test', type: 'text' },
  { name: 'channel', type: 'text' },
  { name: 'salt', type: 'text' },
  { name: 'holdout_share', type: 'double' },
  { name: 'start', type: 'instant' },
  { name: 'stop', type: 'nullable-instant' },
  { name: 'horizon_ms', type: 'integer' },
  { name: 'cohort_ms', type: 'integer' },
  { name: 'planned_visitors', type: 'integer' },
  { name: 'outcome', type: 'text' },
  { name: 'value_minor_max', type: 'integer' },
  { name: 'currency', type: 'text' },
];

/** The tests of the configuration. */
export function liftTestsOf({ lift }: Config): readonly LiftTest[] {
  return lift.tests.map((declared) => ({
    id: declared.id,
    channel: declared.channel,
    salt: saltOf(declared),
    share: declared.share,
    startMs: declared.start ?? NEVER_MS,
    stopMs: declared.stop,
    horizonMs: declared.horizon,
    plannedVisitors: declared.planned_visitors,
    outcome: declared.outcome,
    valueMinorMax: declared.value_minor_max,
  }));
}

/** The arms of a visitor in the tests that have not stopped at `nowMs`. */
export function assignmentsOf(
  tests: readonly LiftTest[],
  visitorToken: string,
  nowMs: number,
): readonly Assignment[] {
  return tests
    .filter(({ stopMs }) => stopMs === undefined || nowMs < stopMs)
    .map((test) => ({
      test: test.id,
      channel: test.channel,
      arm: armOf(test, visitorToken),
      start: test.startMs,
      stop: test.stopMs ?? null,
    }));
}

/** The tests as parallel lists of text for `lift/audit.sql`. */
export function auditedTests(config: Config): Readonly<Record<string, QueryParameter>> {
  const tests = liftTestsOf(config);
  const list = (valueOf: (test: LiftTest) => string | number): readonly string[] =>
    tests.map((test) => String(valueOf(test)));
  return {
    tests: list(({ id }) => id),
    channels: list(({ channel }) => channel),
    salts: list(({ salt }) => salt),
    held_out: list(({ share }) => Math.round(share * 10_000)),
    starts: list(({ startMs }) => startMs),
    stops: list(({ stopMs }) => stopMs ?? NEVER_MS),
    horizons: list(({ horizonMs }) => horizonMs),
    cohorts: list(({ horizonMs }) => cohortMsOf(horizonMs)),
    caps: list(({ valueMinorMax }) => valueMinorMax),
  };
}

/**
 * The configuration with its tests as they are on record: a test that was declared when events had
 * already come begins with the day after them, and one that is no longer declared goes on.
 */
export async function withRecordedTests(clickHouse: ClickHouse, config: Config): Promise<Config> {
  const recorded = await recordedTests(clickHouse);
  const declared = config.lift.tests.map((test) => {
    const start = recorded.get(test.id)?.start;
    return start === undefined ? test : { ...test, start };
  });
  return withTests(config, [...declared, ...undeclaredTests(config, recorded)]);
}

/**
 * Records tests that are new and stops that have changed, and returns the configuration with every
 * test as it is on record.
 *
 * @param nowMs when this happens, for the record
 * @throws {EngineError} LIFT_TEST_CHANGED when anything but the stop of a test that has begun differs
 */
export async function recordTests(
  clickHouse: ClickHouse,
  config: Config,
  nowMs: number,
): Promise<Config> {
  const recorded = await recordedTests(clickHouse);
  const newestMs = await newestClickMs(clickHouse);
  const lines: string[] = [];
  const tests = config.lift.tests.map((declared) => {
    const before = recorded.get(declared.id);
    const hasBegun = before !== undefined && before.start <= newestMs;
    // Visitors of whom earlier clicks were not kept would count from a later one.
    const nextDayMs = newestMs === 0 ? 0 : (Math.floor(newestMs / DAY_MS) + 1) * DAY_MS;
    const start = hasBegun ? before.start : Math.max(declared.start ?? NEVER_MS, nextDayMs);
    const test = { ...declared, start };
    const after = recordOf(test, config.lift.currency);
    if (hasBegun) checkUnchanged(before, after, declared);
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(after)) {
      const change = before === undefined ? 'declared' : hasBegun ? 'stopped' : 'changed';
      lines.push(
        tsvRow(LOG_COLUMNS, [
          nowMs,
          change,
          ...LOG_COLUMNS.slice(2).map(({ name }) => after[name] ?? null),
        ]),
      );
    }
    return test;
  });
  if (lines.length > 0) {
    await clickHouse.insert({
      table: LIFT_TESTS_LOG,
      columns: LOG_COLUMNS.map(({ name }) => name),
      rowCount: lines.length,
      body: Buffer.from(lines.map((line) => `${line}\n`).join('')),
      token: `lift-tests:${nowMs}`,
    });
  }
  return withTests(config, [...tests, ...undeclaredTests(config, recorded)]);
}

/** The tests on record that the configuration does not name: what has begun goes on until it is stopped. */
function undeclaredTests(
  { lift }: Config,
  recorded: ReadonlyMap<string, TestRecord>,
): readonly DeclaredTest[] {
  return [...recorded.values()]
    .filter((record) => !lift.tests.some(({ id }) => id === record['test']))
    .map((record) => ({
      id: String(record['test']),
      channel: String(record['channel']),
      salt: String(record['salt']),
      share: Number(record['holdout_share']),
      start: record.start,
      stop: record.stop ?? undefined,
      horizon: durationMs(Number(record['horizon_ms'])),
      planned_visitors: Number(record['planned_visitors']),
      outcome: OUTCOMES.find((outcome) => outcome === record['outcome']) ?? 'converted',
      value_minor_max: Number(record['value_minor_max']),
    }));
}

/** A test as a row of the log, without when and why. */
interface TestRecord extends Row {
  readonly start: number;
  readonly stop: number | null;
}

function recordOf(declared: DeclaredTest & { start: number }, currency: string): TestRecord {
  return {
    test: declared.id,
    channel: declared.channel,
    salt: saltOf(declared),
    holdout_share: declared.share,
    start: declared.start,
    stop: declared.stop ?? null,
    horizon_ms: declared.horizon,
    cohort_ms: cohortMsOf(declared.horizon),
    planned_visitors: declared.planned_visitors,
    outcome: declared.outcome satisfies Outcome,
    value_minor_max: declared.value_minor_max,
    currency,
  };
}

function checkUnchanged(before: TestRecord, after: TestRecord, declared: DeclaredTest): void {
  const changed = LOG_COLUMNS.slice(2).find(
    ({ name }) => name !== 'stop' && before[name] !== after[name],
  );
  if (changed === undefined) return;
  throw new EngineError({
    code: 'LIFT_TEST_CHANGED',
    kind: 'fatal',
    message: `Expected ${changed.name} of lift test ${declared.id} to stay ${String(before[changed.name])}, got ${String(after[changed.name])}: a test that has begun can only be stopped. Declare another test with an id of its own`,
  });
}

async function recordedTests(clickHouse: ClickHouse): Promise<ReadonlyMap<string, TestRecord>> {
  const found = await clickHouse.query(
    'SELECT name FROM system.tables WHERE database = {database:String} AND name = {name:String}',
    { database: clickHouse.database, name: LIFT_TESTS_LOG },
  );
  // A data directory of an earlier version, which nobody has brought up to date yet.
  if (found.length === 0) return new Map();
  const columns = LOG_COLUMNS.slice(2).map(({ name, type }) =>
    type === 'instant' || type === 'nullable-instant'
      ? `toUnixTimestamp64Milli(tests.${name}) AS ${name}`
      : `tests.${name} AS ${name}`,
  );
  const rows = await clickHouse.query(
    `SELECT ${columns.join(', ')} FROM ${clickHouse.database}.lift_tests AS tests`,
  );
  return new Map(
    rows.map((row) => [
      String(row['test']),
      {
        ...row,
        start: Number(row['start']),
        stop: row['stop'] === null ? null : Number(row['stop']),
      },
    ]),
  );
}

/** Event time of the newest click that is stored, 0 before the first. */
async function newestClickMs(clickHouse: ClickHouse): Promise<number> {
  const [row] = await clickHouse.query(
    `SELECT toUnixTimestamp64Milli(max(occurred_at)) AS newest FROM ${clickHouse.database}.clicks`,
  );
  return Number(row?.['newest'] ?? 0);
}

function withTests(config: Config, tests: Config['lift']['tests']): Config {
  return { ...config, lift: { ...config.lift, tests } };
}

function saltOf({ id, salt }: DeclaredTest): string {
  return salt ?? id;
}
