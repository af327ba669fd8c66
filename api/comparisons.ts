import { LIFT_METHODS, type LiftComparison } from '../schemas/lift-method.ts';
import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { DAY_MS, HOUR_MS } from '../schemas/time.ts';
import {
  type Change,
  type RegionSums,
  type SlotValue,
  type Trend,
  baseline,
  geoDifference,
  prePost,
  trendBefore,
} from '../statistics/without-holdout.ts';
import type { ComparisonAnswer } from './comparison-answer.ts';

/** Points of the interval over time: as many as a card is wide enough to show. */
const HISTORY_POINTS_MAX = 60;

/** A week on both sides, since weekdays differ; levels of hours need two of them. */
const DAYS_MIN = 7;
const DAYS_BEFORE_MIN = { geo_did: DAYS_MIN, baseline: 2 * DAYS_MIN, pre_post: DAYS_MIN } as const;

/** The p up to which a change, or a trend before the start, is taken for real. */
const ALPHA = 0.05;

/** Monday, 1970-01-05: where hours of the week begin. */
const WEEK_START_MS = 4 * DAY_MS;
const WEEK_HOURS = 168;

/** What is compared, and the currency of revenue. */
export interface ComparisonSettings {
  readonly currency: string;
  readonly declared: readonly LiftComparison[];
}

/** What a region sold in an hour or a day. */
interface Sale {
  readonly atMs: number;
  readonly isTreated: boolean;
  readonly region: string;
  readonly value: number;
}

/** The sales of a comparison: [beginMs, startMs) before, [startMs, endMs) after, whole UTC days. */
interface Compared {
  readonly comparison: LiftComparison;
  readonly beginMs: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly sales: readonly Sale[];
}

/** What every comparison says by the whole days until the watermark, most trustworthy method first. */
export async function readComparisons(
  engine: EnginePort,
  { currency, declared }: ComparisonSettings,
  watermarkMs: number,
): Promise<readonly ComparisonAnswer[]> {
  const ordered = declared.toSorted(
    (a, b) => LIFT_METHODS.indexOf(METHODS[a.method]) - LIFT_METHODS.indexOf(METHODS[b.method]),
  );
  const answers: ComparisonAnswer[] = [];
  for (const comparison of ordered) {
    const compared = await readCompared(engine, { comparison, currency, watermarkMs });
    answers.push(answerOf(compared, { currency, watermarkMs }));
  }
  return answers;
}

async function readCompared(
  engine: EnginePort,
  options: {
    readonly comparison: LiftComparison;
    readonly currency: string;
    readonly watermarkMs: number;
  },
): Promise<Compared> {
  const { comparison, currency, watermarkMs } = options;
  const startMs = comparison.start ?? Number.POSITIVE_INFINITY;
  const stopMs = comparison.stop ?? Number.POSITIVE_INFINITY;
  const endMs = Math.max(startMs, Math.min(stopMs, dayOf(watermarkMs) * DAY_MS));
  const wantedMs = startMs - comparison.before;
  const rows = await engine.query(SALES_SQL, {
    from: wantedMs,
    to: endMs,
    grain: comparison.method === 'baseline' ? HOUR_MS : DAY_MS,
    currency,
    is_revenue: comparison.outcome === 'revenue' ? 1 : 0,
  });
  const [first] = await engine.query(FIRST_SQL, {});
  const firstMs = Number(first?.['first_ms'] ?? 0);
  return {
    comparison,
    // The day on which the shop was first seen is not a whole one, and before it nothing was counted.
    beginMs: Math.min(
      startMs,
      firstMs > wantedMs ? Math.ceil(firstMs / DAY_MS) * DAY_MS : wantedMs,
    ),
    startMs,
    endMs,
    sales: rows.map((row) => saleOf(row, comparison)),
  };
}

const SALES_SQL = `SELECT intDiv(toUnixTimestamp64Milli(window_start), {grain:Int64}) * {grain:Int64} AS at_ms, region,
    toFloat64(sum(if({is_revenue:UInt8} = 1, if(currency = {currency:String}, revenue_minor, 0), orders))) AS value
  FROM weir.region_1h
  WHERE window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
  GROUP BY at_ms, region`;

const FIRST_SQL = `SELECT toUnixTimestamp64Milli(min(window_start)) AS first_ms FROM weir.region_1h_rows`;

function saleOf(row: Row, { regions }: LiftComparison): Sale {
  const region = String(row['region']);
  return {
    atMs: Number(row['at_ms']),
    region,
    isTreated: regions === undefined || regions.includes(region),
    value: Number(row['value']),
  };
}

function answerOf(
  compared: Compared,
  { currency, watermarkMs }: { readonly currency: string; readonly watermarkMs: number },
): ComparisonAnswer {
  const { comparison, beginMs, startMs, endMs, sales } = compared;
  const { method } = comparison;
  const days = {
    before: Math.max(0, (startMs - beginMs) / DAY_MS),
    after: (endMs - startMs) / DAY_MS,
  };
  const change = changeOf(compared);
  const trend = method === 'geo_did' ? trendOf(compared) : undefined;
  const isEarly = days.before < DAYS_BEFORE_MIN[method] || days.after < DAYS_MIN;
  const isTrending = trend !== undefined && trend.p < ALPHA;
  const controls = new Set(sales.flatMap((sale) => (sale.isTreated ? [] : [sale.region])));
  return {
    comparison: comparison.id,
    channel: comparison.channel,
    method: METHODS[method],
    state: watermarkMs < startMs ? 'planned' : endMs === comparison.stop ? 'stopped' : 'running',
    outcome: comparison.outcome,
    currency,
    start: startMs,
    stop: comparison.stop ?? null,
    days,
    regions: comparison.regions === undefined ? null : [...comparison.regions],
    control_regions: controls.size,
    verdict: verdictOf(change, { isEarly, isTrending }),
    void_reason: isTrending ? 'the regions went apart before the start' : null,
    change:
      change === undefined
        ? null
        : {
            point: change.point,
            low: change.interval?.low ?? null,
            high: change.interval?.high ?? null,
            p: change.p,
          },
    trend_before: trend === undefined ? null : { per_day: trend.perDay, p: trend.p },
    history: historyOf(compared),
  };
}

const METHODS = { geo_did: 'GEO_DID', baseline: 'BASELINE', pre_post: 'PRE_POST' } as const;

function verdictOf(
  change: Change | undefined,
  { isEarly, isTrending }: { readonly isEarly: boolean; readonly isTrending: boolean },
): ComparisonAnswer['verdict'] {
  if (isEarly || change === undefined) return 'too early';
  if (isTrending) return 'void';
  if (change.p > ALPHA) return 'no change shown';
  return change.point > 0 ? 'higher' : 'lower';
}

/** What the method says of the sales before `untilMs`. */
function changeOf(compared: Compared, untilMs = compared.endMs): Change | undefined {
  const { comparison, beginMs, startMs } = compared;
  switch (comparison.method) {
    case 'pre_post':
      return prePost(
        valuesOf(compared, { fromMs: beginMs, toMs: startMs, grainMs: DAY_MS }),
        valuesOf(compared, { fromMs: startMs, toMs: untilMs, grainMs: DAY_MS }),
      );
    case 'baseline':
      return baseline(
        slotsOf(compared, { fromMs: beginMs, toMs: startMs }),
        slotsOf(compared, { fromMs: startMs, toMs: untilMs }),
      );
    case 'geo_did': {
      const { treated, controls } = regionsOf(compared, untilMs);
      return geoDifference(treated, controls);
    }
  }
}

/** What the treated regions sold in each hour or day, those without a sale included. */
function valuesOf(
  { sales }: Compared,
  span: { readonly fromMs: number; readonly toMs: number; readonly grainMs: number },
): number[] {
  const { fromMs, toMs, grainMs } = span;
  const values = Array<number>(Math.max(0, (toMs - fromMs) / grainMs)).fill(0);
  for (const { atMs, isTreated, value } of sales) {
    if (!isTreated || atMs < fromMs || atMs >= toMs) continue;
    const index = (atMs - fromMs) / grainMs;
    values[index] = (values[index] ?? 0) + value;
  }
  return values;
}

function slotsOf(
  compared: Compared,
  span: { readonly fromMs: number; readonly toMs: number },
): readonly SlotValue[] {
  const firstHour = (span.fromMs - WEEK_START_MS) / HOUR_MS;
  return valuesOf(compared, { ...span, grainMs: HOUR_MS }).map((value, index) => ({
    slot: (((firstHour + index) % WEEK_HOURS) + WEEK_HOURS) % WEEK_HOURS,
    value,
  }));
}

/** Sales before and after; control regions that sold nothing before cannot be compared with. */
function regionsOf(
  { sales, beginMs, startMs }: Compared,
  untilMs: number,
): { readonly treated: RegionSums; readonly controls: readonly RegionSums[] } {
  const sums = new Map<string, { before: number; after: number }>();
  for (const { atMs, isTreated, region, value } of sales) {
    if (atMs < beginMs || atMs >= untilMs) continue;
    const name = isTreated ? TREATED : region;
    const sum = sums.get(name) ?? { before: 0, after: 0 };
    sum[atMs < startMs ? 'before' : 'after'] += value;
    sums.set(name, sum);
  }
  const treated = sums.get(TREATED) ?? { before: 0, after: 0 };
  sums.delete(TREATED);
  return { treated, controls: [...sums.values()].filter(({ before }) => before > 0) };
}

/** No region's name: those have a letter. */
const TREATED = '\n';

function trendOf({ sales, beginMs, startMs }: Compared): Trend | undefined {
  const days = new Map<number, { day: number; treated: number; control: number }>();
  for (const { atMs, isTreated, value } of sales) {
    if (atMs < beginMs || atMs >= startMs) continue;
    const day = dayOf(atMs);
    const sum = days.get(day) ?? { day, treated: 0, control: 0 };
    sum[isTreated ? 'treated' : 'control'] += value;
    days.set(day, sum);
  }
  return trendBefore([...days.values()]);
}

/** The change as it grew with the days after the start. */
function historyOf(compared: Compared): ComparisonAnswer['history'] {
  const { startMs, endMs } = compared;
  const days = Math.max(0, (endMs - startMs) / DAY_MS);
  const step = Math.max(1, Math.ceil(days / HISTORY_POINTS_MAX));
  const history: ComparisonAnswer['history'] = [];
  for (let day = days; day >= 1; day -= step) {
    const until = startMs + day * DAY_MS;
    const change = changeOf(compared, until);
    if (change?.interval === undefined) continue;
    history.push({ until, point: change.point, ...change.interval });
  }
  return history.toReversed();
}

function dayOf(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS);
}
