import { DAY_MS } from '../schemas/time.ts';
import { parseInstant } from './instant-parameter.ts';
import { Problem } from './problem.ts';

/** A half-open range of event time, UTC milliseconds. */
export interface AskedRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The range of a query: up to now and `usualMs` long where it does not say.
 *
 * @throws {Problem} QUERY_INVALID when it is empty, longer than `daysMax`, or no instants
 */
export function askedRange(
  query: { readonly from?: string; readonly to?: string },
  { nowMs, usualMs, daysMax }: { nowMs: number; usualMs: number; daysMax: number },
): AskedRange {
  const toMs = query.to === undefined ? nowMs : parseInstant(query.to, 'to');
  const fromMs = query.from === undefined ? toMs - usualMs : parseInstant(query.from, 'from');
  if (fromMs >= toMs || toMs - fromMs > daysMax * DAY_MS) {
    throw new Problem({
      code: 'QUERY_INVALID',
      detail: `Expected from to be before to, and at most ${daysMax} days apart`,
    });
  }
  return { fromMs, toMs };
}
