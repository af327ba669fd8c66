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
    rows.length === 0 ? [] : await engine.query(COUNTS_SQL, { points: HISTORY_POINTS_MAX });
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

/** Sums per test, arm, stretch of cohorts and whether they have matured; matured ones in order of time. */
const COUNTS_SQL = `WITH spans AS
  (
    SELECT test, min(window_start) AS first, max(window_start) AS last
    FROM weir.lift_cohorts GROUP BY test
  )
  SELECT
    cohorts.test AS test, cohorts.arm AS arm, cohorts.state != 'provisional' AS matured,
    greatest(tests.cohort_ms, intDiv(
      toUnixTimestamp64Milli(spans.last) - toUnixTimestamp64Milli(spans.first), {points:UInt32}) + 1) AS length_ms,
    toUnixTimestamp64Milli(spans.first)
      + intDiv(toUnixTimestamp64Milli(cohorts.window_start) - toUnixTimestamp64Milli(spans.first), length_ms) * length_ms AS start_ms,
    ${ARM_SUMS.map((name) => `toFloat64(sum(cohorts.${name})) AS ${name}`).join(', ')}
  FROM weir.lift_cohorts AS cohorts
  INNER JOIN spans ON spans.test = cohorts.test
  INNER JOIN weir.lift_tests AS tests ON tests.test = cohorts.test
  GROUP BY test, arm, matured, length_ms, start_ms
  ORDER BY test, start_ms`;

/** What each test's channel cost in the test's currency, while its matured visitors came. */
export async function spendOf(
  engine: EnginePort,
  tests: readonly CountedTest[],
): Promise<ReadonlyMap<CountedTest, number>> {
  const spends = new Map<CountedTest, number>();
  for (const test of tests) {
    const first = test.buckets[0];
    const last = test.buckets.at(-1);
    if (first === undefined || last === undefined) continue;
    const [spend] = await engine.query(
      `SELECT toFloat64(sum(spend_minor)) AS spend FROM weir.channel_1m
       WHERE channel = {channel:String} AND currency = {currency:String}
         AND window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
         AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC')`,
      {
        channel: String(test.row['channel']),
        currency: String(test.row['currency']),
        from: first.startMs,
        to: last.endMs,
      },
    );
    spends.set(test, Number(spend?.['spend'] ?? 0));
  }
  return spends;
}

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
