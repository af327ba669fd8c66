import type { FastifyInstance } from 'fastify';

import type { EnginePort } from '../schemas/ports.ts';
import { DAY_MS } from '../schemas/time.ts';
import { NOBODY, addArms } from '../statistics/lift-arms.ts';
import {
  type Arms,
  BAND,
  type Comparison,
  type Interval,
  type VoidReason,
  chanceInBand,
  compare,
  compareAdjusted,
  compareOrderValue,
  isGatePassed,
  ratioAlarm,
  verdictsOf,
  visitorsMissing,
} from '../statistics/lift-result.ts';
import { offAmong, problemAnswers } from './answers.ts';
import type { Clock } from './clock.ts';
import { type ComparisonSettings, readComparisons } from './comparisons.ts';
import { LiftAnswer, type LiftInterval, type LiftTestAnswer } from './lift-answer.ts';
import { type CountedTest, OUTCOMES, countedTests, spendOf } from './lift-counts.ts';

interface LiftRoute {
  readonly Querystring: { readonly test?: readonly string[]; readonly channel?: readonly string[] };
}

/** Adds `GET /v1/lift`: what every test says, by now and so far. */
export function addLift(
  app: FastifyInstance,
  options: {
    readonly engine: EnginePort;
    readonly clock: Clock;
    readonly comparisons: ComparisonSettings | undefined;
  },
): void {
  const { engine, clock, comparisons = { currency: '', declared: [] } } = options;
  app.get<LiftRoute>('/v1/lift', { schema: DOCUMENTATION }, async (request, reply) => {
    const { test = [], channel = [] } = request.query;
    const status = engine.status();
    const { watermark } = status;
    const answers = await readLift(engine);
    const compared =
      test.length > 0 ? [] : await readComparisons(engine, comparisons, watermark ?? 0);
    return reply.header('cache-control', 'no-store').send({
      tests: answers.filter(
        (answer) =>
          (test.length === 0 || test.includes(answer.test)) &&
          (channel.length === 0 || channel.includes(answer.channel)),
      ),
      comparisons: compared.filter(
        (answer) => channel.length === 0 || channel.includes(answer.channel),
      ),
      as_of: clock.nowMs(),
      watermark,
      complete: answers.every(({ visitors }) => visitors.provisional === 0),
      processors_off: offAmong(status, ['lift', 'traffic']),
    });
  });
}

/** What every test says by now, oldest first. */
export async function readLift(engine: EnginePort): Promise<readonly LiftTestAnswer[]> {
  const tests = await countedTests(engine);
  return testAnswers(tests, await spendOf(engine, tests));
}

function testAnswers(
  tests: readonly CountedTest[],
  spends: ReadonlyMap<CountedTest, number>,
): readonly LiftTestAnswer[] {
  const judged = tests.map(judgedBy);
  const verdicts = verdictsOf(judged);
  return judged.map(
    ({ test, ratio, filterRatio, voidReason, isGatePassed: isOpen, comparison }, index) => {
      const { row, matured, provisional, plannedVisitors } = test;
      const conversion = compare(matured, 'converted', plannedVisitors);
      return {
        test: String(row['test']),
        channel: String(row['channel']),
        method: 'RANDOMISED',
        state: String(row['state']),
        outcome: test.outcome,
        start: Number(row['start']),
        stop: row['stop'] === null ? null : Number(row['stop']),
        horizon_ms: Number(row['horizon_ms']),
        holdout_share: test.share,
        planned_visitors: plannedVisitors,
        currency: String(row['currency']),
        visitors: {
          treated: matured.treated.visitors,
          holdout: matured.holdout.visitors,
          provisional: provisional.treated.visitors + provisional.holdout.visitors,
          excluded: excludedOf(matured) + excludedOf(provisional),
        },
        verdict: verdicts[index] ?? 'no difference yet',
        void_reason: voidReason ?? null,
        evidence: { sufficient: isOpen, ...evidenceOf(matured) },
        outcomes: OUTCOMES.flatMap((outcome) => outcomeAnswer(test, outcome)),
        order_value: orderValueAnswer(test),
        band: {
          ...BAND,
          chance:
            conversion?.relative === undefined || !isOpen
              ? null
              : chanceInBand(conversion.relative),
        },
        days_to_decision: daysToDecision(test, comparison),
        sample_ratio: ratioAnswer(ratio),
        filter_ratio: ratioAnswer(filterRatio),
        incremental: incrementalAnswer(test, spends.get(test) ?? 0),
        history: historyOf(test),
      };
    },
  );
}

/** What decides about a test's verdict. */
function judgedBy(test: CountedTest) {
  const ratio = ratioAlarm(
    {
      treated: test.matured.treated.visitors + test.provisional.treated.visitors,
      holdout: test.matured.holdout.visitors + test.provisional.holdout.visitors,
    },
    test.share,
  );
  const filterRatio = ratioAlarm(
    {
      treated: test.matured.treated.filtered + test.provisional.treated.filtered,
      holdout: test.matured.holdout.filtered + test.provisional.holdout.filtered,
    },
    test.share,
  );
  return {
    test,
    ratio,
    filterRatio,
    voidReason: voidReasonOf(ratio.isAlarming, filterRatio.isAlarming),
    isGatePassed: isGatePassed(test.matured),
    comparison: compare(test.matured, test.outcome, test.plannedVisitors),
  };
}

function voidReasonOf(isRatioOff: boolean, isFilterOff: boolean): VoidReason | undefined {
  if (isRatioOff) return 'sample ratio mismatch';
  return isFilterOff ? 'filter sample ratio mismatch' : undefined;
}

function ratioAnswer(ratio: ReturnType<typeof ratioAlarm>): LiftTestAnswer['sample_ratio'] {
  const { chiSquare, p, peekSafeP, isAlarming } = ratio;
  return { chi_square: chiSquare, p, peek_safe_p: peekSafeP, alarming: isAlarming };
}

function excludedOf({ treated, holdout }: Arms): number {
  return treated.excluded + holdout.excluded;
}

function evidenceOf({ treated, holdout }: Arms): {
  converters_treated: number;
  converters_holdout: number;
} {
  return { converters_treated: treated.converters, converters_holdout: holdout.converters };
}

function outcomeAnswer(
  { matured, plannedVisitors }: CountedTest,
  outcome: (typeof OUTCOMES)[number],
): LiftTestAnswer['outcomes'] {
  const comparison = compare(matured, outcome, plannedVisitors);
  if (comparison === undefined) return [];
  const adjusted = compareAdjusted(matured, outcome, plannedVisitors);
  return [
    {
      outcome,
      treated_mean: comparison.treatedMean,
      holdout_mean: comparison.holdoutMean,
      difference: intervalAnswer(comparison.difference),
      relative: comparison.relative === undefined ? null : intervalAnswer(comparison.relative),
      p: comparison.p,
      plain: comparison.plain,
      adjusted:
        adjusted === undefined ? null : { ...intervalAnswer(adjusted), theta: adjusted.theta },
    },
  ];
}

function orderValueAnswer({
  matured,
  plannedVisitors,
}: CountedTest): LiftTestAnswer['order_value'] {
  const value = compareOrderValue(matured, plannedVisitors);
  if (value === undefined) return null;
  return {
    treated_minor: value.treatedMean,
    holdout_minor: value.holdoutMean,
    relative: intervalAnswer(value),
  };
}

/** nT·Δ of conversions and margin, and what that means per unit of spend. */
function incrementalAnswer(
  { matured, plannedVisitors }: CountedTest,
  spendMinor: number,
): LiftTestAnswer['incremental'] {
  const { visitors } = matured.treated;
  const conversions = compare(matured, 'converted', plannedVisitors);
  const revenue = compare(matured, 'revenue', plannedVisitors);
  const margin = compare(matured, 'margin', plannedVisitors);
  const total = (comparison: Comparison | undefined): LiftInterval | null =>
    comparison === undefined ? null : intervalAnswer(times(comparison.difference, visitors));
  const perSpend = (comparison: Comparison | undefined): LiftInterval | null =>
    comparison === undefined || spendMinor <= 0
      ? null
      : intervalAnswer(times(comparison.difference, visitors / spendMinor));
  const incremental = (conversions?.difference.point ?? 0) * visitors;
  return {
    conversions: total(conversions),
    revenue_minor: total(revenue),
    margin_minor: total(margin),
    spend_minor: spendMinor,
    icpa_minor: spendMinor > 0 && incremental > 0 ? spendMinor / incremental : null,
    iroas: perSpend(margin),
    iroas_revenue: perSpend(revenue),
  };
}

function daysToDecision(
  { matured, buckets, plannedVisitors }: CountedTest,
  comparison: Comparison | undefined,
): number | null {
  const first = buckets[0];
  const last = buckets.at(-1);
  if (comparison === undefined || first === undefined || last === undefined) return null;
  const visitors = matured.treated.visitors + matured.holdout.visitors;
  const missing = visitorsMissing(comparison, visitors, plannedVisitors);
  if (missing === undefined) return null;
  const perDay = (visitors * DAY_MS) / (last.endMs - first.startMs);
  return missing / perDay;
}

/** The relative lift of the test's outcome as it grew, cohort after cohort. */
function historyOf({ buckets, outcome, plannedVisitors }: CountedTest): LiftTestAnswer['history'] {
  let arms: Arms = { treated: NOBODY, holdout: NOBODY };
  const history: LiftTestAnswer['history'] = [];
  for (const bucket of buckets) {
    arms = addBoth(arms, bucket.arms);
    const comparison = isGatePassed(arms) ? compare(arms, outcome, plannedVisitors) : undefined;
    if (comparison?.relative === undefined) continue;
    const { point, low, high } = comparison.relative;
    const visitors = arms.treated.visitors + arms.holdout.visitors;
    history.push({ until: bucket.endMs, visitors, point, low, high });
  }
  return history;
}

function addBoth(a: Arms, b: Arms): Arms {
  return { treated: addArms(a.treated, b.treated), holdout: addArms(a.holdout, b.holdout) };
}

function times(interval: Interval, factor: number): Interval {
  return {
    point: interval.point * factor,
    standardError: interval.standardError * factor,
    low: interval.low * factor,
    high: interval.high * factor,
  };
}

function intervalAnswer({ point, standardError, low, high }: Interval): LiftInterval {
  return { point, low, high, standard_error: standardError };
}

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'What channels bring that would not have come without them',
  description:
    'Every test with a randomised holdout: its verdict from matured visitors only, with intervals that stay valid however often they are looked at. docs/lift.md explains each number.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      test: { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 32 },
      channel: { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 32 },
    },
  },
  response: {
    200: { description: 'The tests', content: { 'application/json': { schema: LiftAnswer } } },
    ...problemAnswers(400, 503),
  },
};
