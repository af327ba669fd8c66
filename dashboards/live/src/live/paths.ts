import { type JsonObject, isJsonObject, listIn, numberIn, objectIn, textIn } from './rows.ts';

/** Steps that a page draws; twelve channels have at most 12 × 11 between them, and three ends. */
const STEPS_MAX = 200;

/** What one channel gets of the paths by one model. */
export interface PathCredit {
  readonly model: string;
  readonly channel: string;
  /** Conversions, or minor units for `markov_value`. */
  readonly credit: number;
}

/** How often one thing followed another. */
export interface PathStep {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** The paths of the last look-back, and what follows from them. */
export interface Paths {
  readonly currency: string;
  readonly conversions: number;
  readonly nulls: number;
  readonly provisional: number;
  readonly credits: readonly PathCredit[];
  readonly steps: readonly PathStep[];
}

/** @throws {TypeError} when the answer is none of paths */
export function parsePaths(answer: unknown): Paths {
  if (!isJsonObject(answer) || !Array.isArray(answer['credits']))
    throw new TypeError('Expected paths, got something else');
  const counts = objectIn(answer, 'paths');
  return {
    currency: textIn(answer, 'currency') ?? '',
    conversions: numberIn(counts, 'conversions') ?? 0,
    nulls: numberIn(counts, 'nulls') ?? 0,
    provisional: numberIn(counts, 'provisional') ?? 0,
    credits: listIn(answer, 'credits').map((row) => ({
      model: textIn(row, 'model') ?? '',
      channel: textIn(row, 'channel') ?? '',
      credit: creditOf(row),
    })),
    steps: listIn(answer, 'transitions')
      .map((row) => ({
        from: textIn(row, 'from') ?? '',
        to: textIn(row, 'to') ?? '',
        count: numberIn(row, 'count') ?? 0,
      }))
      .toSorted((a, b) => b.count - a.count)
      .slice(0, STEPS_MAX),
  };
}

/** What was handed out, so that the shown parts add up; to the cent, or the thousandth. */
function creditOf(row: JsonObject): number {
  const milli = numberIn(row, 'conversions_milli');
  return milli === undefined ? (numberIn(row, 'credit_minor') ?? 0) : milli / 1_000;
}
