import type { Reference } from '../../schemas/events/reference.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { type Operator, type Output, defineOperator } from '../engine/operator/operator.ts';
import { CHANNEL_1M, channelSum } from './row.ts';

const SPEND_MINOR = channelSum('spend_minor');

/** Longest span of one spend event: a month's budget. Every minute of it becomes a row. */
export const SPEND_SPAN_MS_MAX = 31 * DAY_MS;

/**
 * Spreads an amount of advertising spend evenly over the minutes that its span touches, so that it
 * can be divided by what happened in them. Keeps no state: a repeated event is a duplicate, and a
 * second event for the same span adds to it.
 */
export function createSpendOperator(): Operator {
  return defineOperator<null>({
    name: 'spend',
    stage: 'control',
    stateVersion: 1,
    createState: () => null,
    apply: { 'weir.reference': (_state, event, output) => applySpend(event, output) },
    expiresAtMs: () => Number.NEGATIVE_INFINITY,
    stateBytes: () => 0,
  });
}

function applySpend(event: Reference, output: Output): void {
  const { kind, channel, amount_minor: amountMinor, currency, from, to } = event;
  if (kind !== 'spend') return;
  if (
    channel === null ||
    amountMinor === null ||
    currency === null ||
    from === null ||
    to === null
  ) {
    output.count('SPEND_INCOMPLETE');
    return;
  }
  if (to - from > SPEND_SPAN_MS_MAX) {
    output.count('SPEND_SPAN_TOO_LONG');
    return;
  }
  if (to <= from) {
    output.count('SPEND_SPAN_EMPTY');
    return;
  }
  const firstMs = Math.floor(from / MINUTE_MS) * MINUTE_MS;
  const minuteCount = Math.ceil((to - firstMs) / MINUTE_MS);
  const dimensions = [channel, currency];
  for (let minute = 0; minute < minuteCount; minute += 1) {
    const shareMinor = shareOfMinute(amountMinor, minute, minuteCount);
    output.add(CHANNEL_1M, firstMs + minute * MINUTE_MS, dimensions, SPEND_MINOR, shareMinor);
  }
}

/**
 * ⌊A(i+1)/n⌋ − ⌊A·i/n⌋ for amount A, minute i of n: the shares differ by at most one and add up to A.
 * With A = q·n + r the product stays exact: r·n is far below 2⁵³, A·n is not.
 */
export function shareOfMinute(amountMinor: number, minute: number, minuteCount: number): number {
  const quotient = Math.floor(amountMinor / minuteCount);
  const rest = amountMinor - quotient * minuteCount;
  return (
    quotient +
    Math.floor((rest * (minute + 1)) / minuteCount) -
    Math.floor((rest * minute) / minuteCount)
  );
}
