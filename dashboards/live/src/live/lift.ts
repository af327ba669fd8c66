import { type JsonObject, isJsonObject, listIn, numberIn, objectIn, textIn } from './rows.ts';

/** Tests that a page shows; the server allows as many. */
const TESTS_MAX = 32;

/** A point and the interval that is valid at every look; relative, 0.1 is +10 %. */
export interface LiftPoint {
  readonly point: number;
  readonly low: number;
  readonly high: number;
}

/** One test, as its card shows it. */
export interface LiftCard {
  readonly test: string;
  readonly channel: string;
  /** How the number came about, such as RANDOMISED. */
  readonly method: string;
  readonly state: string;
  readonly outcome: string;
  readonly verdict: string;
  readonly voidReason: string | undefined;
  readonly isEvidenceSufficient: boolean;
  readonly convertersTreated: number;
  readonly convertersHoldout: number;
  readonly visitorsTreated: number;
  readonly visitorsHoldout: number;
  readonly visitorsProvisional: number;
  /** Seen in both arms, so in no other number. */
  readonly visitorsExcluded: number;
  /** Of the test's outcome; undefined until there is anything to compare. */
  readonly relative: LiftPoint | undefined;
  readonly bandChance: number | undefined;
  readonly daysToDecision: number | undefined;
  readonly currency: string;
  readonly iroas: LiftPoint | undefined;
  readonly icpaMinor: number | undefined;
  readonly history: readonly (LiftPoint & { readonly until: number })[];
}

/** One comparison without a holdout, as its card shows it. */
export interface ComparisonCard {
  readonly comparison: string;
  readonly channel: string;
  readonly method: string;
  readonly state: string;
  readonly outcome: string;
  readonly verdict: string;
  readonly voidReason: string | undefined;
  readonly point: number | undefined;
  /** Undefined while the method can exclude nothing. */
  readonly interval: { readonly low: number; readonly high: number } | undefined;
  readonly p: number | undefined;
  readonly daysBefore: number;
  readonly daysAfter: number;
  readonly controlRegions: number;
  readonly history: LiftCard['history'];
}

/** What the server says about lift: by holdouts, and without. */
export interface LiftCards {
  readonly tests: readonly LiftCard[];
  readonly comparisons: readonly ComparisonCard[];
}

/** @throws {TypeError} when the answer is none of tests */
export function parseCards(answer: unknown): LiftCards {
  const tests = isJsonObject(answer) ? answer['tests'] : undefined;
  if (!isJsonObject(answer) || !Array.isArray(tests))
    throw new TypeError('Expected tests, got something else');
  return {
    tests: tests.slice(0, TESTS_MAX).flatMap((test) => (isJsonObject(test) ? [cardOf(test)] : [])),
    comparisons: listIn(answer, 'comparisons').slice(0, TESTS_MAX).map(comparisonOf),
  };
}

function cardOf(test: JsonObject): LiftCard {
  const outcome = textIn(test, 'outcome') ?? '';
  const visitors = objectIn(test, 'visitors');
  const evidence = objectIn(test, 'evidence');
  const incremental = objectIn(test, 'incremental');
  const compared = listIn(test, 'outcomes').find((each) => each['outcome'] === outcome);
  return {
    test: textIn(test, 'test') ?? '',
    channel: textIn(test, 'channel') ?? '',
    method: textIn(test, 'method') ?? '',
    state: textIn(test, 'state') ?? '',
    outcome,
    verdict: textIn(test, 'verdict') ?? '',
    voidReason: textIn(test, 'void_reason'),
    isEvidenceSufficient: evidence['sufficient'] === true,
    convertersTreated: numberIn(evidence, 'converters_treated') ?? 0,
    convertersHoldout: numberIn(evidence, 'converters_holdout') ?? 0,
    visitorsTreated: numberIn(visitors, 'treated') ?? 0,
    visitorsHoldout: numberIn(visitors, 'holdout') ?? 0,
    visitorsProvisional: numberIn(visitors, 'provisional') ?? 0,
    visitorsExcluded: numberIn(visitors, 'excluded') ?? 0,
    relative: pointOf(compared?.['relative']),
    bandChance: numberIn(objectIn(test, 'band'), 'chance'),
    daysToDecision: numberIn(test, 'days_to_decision'),
    currency: textIn(test, 'currency') ?? '',
    iroas: pointOf(incremental['iroas']),
    icpaMinor: numberIn(incremental, 'icpa_minor'),
    history: historyOf(test),
  };
}

function comparisonOf(json: JsonObject): ComparisonCard {
  const change = objectIn(json, 'change');
  const days = objectIn(json, 'days');
  const low = numberIn(change, 'low');
  const high = numberIn(change, 'high');
  return {
    comparison: textIn(json, 'comparison') ?? '',
    channel: textIn(json, 'channel') ?? '',
    method: textIn(json, 'method') ?? '',
    state: textIn(json, 'state') ?? '',
    outcome: textIn(json, 'outcome') ?? '',
    verdict: textIn(json, 'verdict') ?? '',
    voidReason: textIn(json, 'void_reason'),
    point: numberIn(change, 'point'),
    interval: low === undefined || high === undefined ? undefined : { low, high },
    p: numberIn(change, 'p'),
    daysBefore: numberIn(days, 'before') ?? 0,
    daysAfter: numberIn(days, 'after') ?? 0,
    controlRegions: numberIn(json, 'control_regions') ?? 0,
    history: historyOf(json),
  };
}

function historyOf(json: JsonObject): LiftCard['history'] {
  return listIn(json, 'history').flatMap((each) => {
    const point = pointOf(each);
    const until = numberIn(each, 'until');
    return point === undefined || until === undefined ? [] : [{ ...point, until }];
  });
}

function pointOf(json: unknown): LiftPoint | undefined {
  if (!isJsonObject(json)) return undefined;
  const point = numberIn(json, 'point');
  const low = numberIn(json, 'low');
  const high = numberIn(json, 'high');
  if (point === undefined || low === undefined || high === undefined) return undefined;
  return { point, low, high };
}
