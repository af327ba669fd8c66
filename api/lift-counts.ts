import type { Arm } from '../schemas/assignment.ts';
import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { ARM_SUMS, type ArmSums, NOBODY, addArms } from '../statistics/lift-arms.ts';
import type { Arms } from '../statistics/lift-result.ts';

/** Points of the interval over time: as many as a card is wide enough to show. */
const HISTORY_POINTS_MAX = 60;

/** What a verdict can be about. */
export const OUTCOMES = ['converted', 'orders', 'revenue'] as const;

/** A test and what has been counted of it. */
export interface CountedTest {
  readonly row: Row;
  readonly plannedVisitors: number;
  readonly share: number;
  readonly outcome: (typeof OUTCOMES)[number];
  readonly buckets: readonly Bucket[];
  readonly matured: Arms;
  readonly provisional: Arms;
}

/** The matured visitors whose cohort started in one stretch of time. */
interface Bucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly arms: Arms;
}

/** The tests and what has been counted of each, oldest first. */
export async function countedTests(engine: EnginePort): Promise<readonly CountedTest[]> {
  const rows = await engine.query(
    `SELECT test, channel, holdout_share, toUnixTimestamp64Milli(start) AS start, toUnixTimestamp64Milli(stop) AS stop,
       horizon_ms, cohort_ms, planned_visitors, outcome, currency, state
     FROM weir.lift_tests ORDER BY start, test`,
    {},
  );
  const counts =
    rows.length === 0
      ? []
      : await engine.query(COUNTS_SQL, {
          points: HISTORY_POINTS_MAX,
          tests: rows.map((row) => String(row['test'])),
          lengths: rows.map((row) => String(row['cohort_ms'])),
        });
  return rows.map((row) => {
    const own = counts.filter((count) => count['test'] === row['test']);
    const matured = own.filter((count) => Number(count['matured']) === 1);
    return {
      row,
      plannedVisitors: Number(row['planned_visitors']),
      share: Number(row['holdout_share']),
      outcome: OUTCOMES.find((outcome) => outcome === row['outcome']) ?? 'converted',
      buckets: bucketsOf(matured),
      matured: armsOf(matured),
      provisional: armsOf(own.filter((count) => Number(count['matured']) === 0)),
    };
  });
}

/**
 * Sums per test, arm, stretch of cohorts and whether they have matured, in order of time. The view is read
 * once: it reads the tests and the progress itself, so every mention of it costs as much again.
 */
const COUNTS_SQL = `SELECT
    test, arm, matured, length_ms, first_ms + intDiv(at_ms - first_ms, length_ms) * length_ms AS start_ms,
    ${ARM_SUMS.map((name) => `sum(${name}) AS ${name}`).join(', ')}
  FROM
  (
    SELECT
      cohorts.test AS test, cohorts.arm AS arm, cohorts.state != 'provisional' AS matured,
      toUnixTimestamp64Milli(cohorts.window_start) AS at_ms,
      min(at_ms) OVER (PARTITION BY cohorts.test) AS first_ms,
      greatest(
        toInt64({lengths:Array(String)}[indexOf({tests:Array(String)}, cohorts.test)]),
        intDiv(max(at_ms) OVER (PARTITION BY cohorts.test) - first_ms, {points:UInt32}) + 1) AS length_ms,
      ${ARM_SUMS.map((name) => `toFloat64(cohorts.${name}) AS ${name}`).join(', ')}
    FROM weir.lift_cohorts AS cohorts
  )
  GROUP BY test, arm, matured, length_ms, start_ms
  ORDER BY test, start_ms`;

/** What each test's channel cost in the test's currency, while its matured visitors came. */
export async function spendOf(
  engine: EnginePort,
  tests: readonly CountedTest[],
): Promise<ReadonlyMap<CountedTest, number>> {
  const matured = tests.flatMap((test) => {
    const [first] = test.buckets;
    const last = test.buckets.at(-1);
    return first === undefined || last === undefined
      ? []
      : [{ test, fromMs: first.startMs, toMs: last.endMs }];
  });
  if (matured.length === 0) return new Map();
  const rows = await engine.query(SPEND_SQL, {
    from: Math.min(...matured.map(({ fromMs }) => fromMs)),
    to: Math.max(...matured.map(({ toMs }) => toMs)),
    channels: matured.map(({ test }) => String(test.row['channel'])),
    currencies: matured.map(({ test }) => String(test.row['currency'])),
    starts: matured.map(({ fromMs }) => String(fromMs)),
    ends: matured.map(({ toMs }) => String(toMs)),
  });
  const spends = String(rows[0]?.['spends'] ?? '').split(',');
  return new Map(matured.map(({ test }, index) => [test, Number(spends[index] ?? 0)]));
}

/** One sum per test, in the order of the parameters, from one look at the table: the view takes three times as long to plan. */
const SPEND_SQL = `SELECT arrayStringConcat(sumForEach(arrayMap(
    (of, currency_of, start, end) -> if(channel = of AND currency = currency_of
      AND toUnixTimestamp64Milli(window_start) >= toInt64(start) AND toUnixTimestamp64Milli(window_start) < toInt64(end), spend_minor, 0),
    {channels:Array(String)}, {currencies:Array(String)}, {starts:Array(String)}, {ends:Array(String)})), ',') AS spends
  FROM weir.channel_1m_rows FINAL
  WHERE spend_minor != 0 AND channel IN {channels:Array(String)}
    AND window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;

function bucketsOf(counts: readonly Row[]): readonly Bucket[] {
  const starts = [...new Set(counts.map((count) => Number(count['start_ms'])))];
  return starts.map((startMs) => {
    const own = counts.filter((count) => Number(count['start_ms']) === startMs);
    const endMs = startMs + Number(own[0]?.['length_ms'] ?? 0);
    return { startMs, endMs, arms: armsOf(own) };
  });
}

function armsOf(counts: readonly Row[]): Arms {
  return { treated: armOf(counts, 'treated'), holdout: armOf(counts, 'holdout') };
}

function armOf(counts: readonly Row[], arm: Arm): ArmSums {
  return counts
    .filter((count) => count['arm'] === arm)
    .map(sumsOf)
    .reduce(addArms, NOBODY);
}

function sumsOf(row: Row): ArmSums {
  const sums = { ...NOBODY };
  for (const name of ARM_SUMS) sums[name] = Number(row[name] ?? 0);
  return sums;
}
