import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Reference } from '../../schemas/events/reference.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildReference } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { CHANNEL_1M } from './row.ts';
import { SPEND_SPAN_MS_MAX, createSpendOperator, shareOfMinute } from './spend.ts';

function spend(fields: Partial<Reference>): Run {
  const run = new Run([createSpendOperator()]);
  const event = buildReference({ channel: 'dtc', currency: 'EUR', ...fields });
  run.apply({ topic: 'weir.reference', event });
  return run;
}

/** Amounts by minute of the first day. */
function amountsOf(run: Run): readonly (readonly [number, number])[] {
  return Object.entries(run.output.nonZeroSums(CHANNEL_1M)).map(
    ([key, { spend_minor: amount = 0 }]) => [
      (Number(key.split('|')[0]) - DAY_ZERO_MS) / MINUTE_MS,
      amount,
    ],
  );
}

//  minute        0    1    2
//  0.10 EUR      3    3    4
test('an amount is spread over its minutes without losing a cent', () => {
  const run = spend({ amount_minor: 10, from: DAY_ZERO_MS, to: DAY_ZERO_MS + 3 * MINUTE_MS });
  expect(amountsOf(run)).toEqual([
    [0, 3],
    [1, 3],
    [2, 4],
  ]);
});

//  minute   0        1        2
//             ├───────────┤          30 s to 2 min 1 s touches three minutes
test('a minute that is only touched takes a full share', () => {
  const from = DAY_ZERO_MS + MINUTE_MS / 2;
  const run = spend({ amount_minor: 300, from, to: from + 1.5 * MINUTE_MS + 1_000 });
  expect(amountsOf(run)).toEqual([
    [0, 100],
    [1, 100],
    [2, 100],
  ]);
});

test('a span longer than the bound is counted and not spread', () => {
  const from = DAY_ZERO_MS;
  const run = spend({ amount_minor: 1, from, to: from + SPEND_SPAN_MS_MAX + 1 });
  expect(amountsOf(run)).toEqual([]);
  expect(run.output.counts).toEqual(new Map([['SPEND_SPAN_TOO_LONG', 1]]));
});

test('a span of the bound is spread over all its minutes', () => {
  const from = DAY_ZERO_MS;
  const run = spend({ amount_minor: 1_000_000, from, to: from + SPEND_SPAN_MS_MAX });
  const amounts = amountsOf(run);
  expect(amounts).toHaveLength(SPEND_SPAN_MS_MAX / MINUTE_MS);
  expect(amounts.reduce((sum, [, amount]) => sum + amount, 0)).toBe(1_000_000);
});

test('an incomplete spend is counted and changes nothing', () => {
  const run = spend({ amount_minor: 5, from: DAY_ZERO_MS, to: null });
  expect(run.output.counts).toEqual(new Map([['SPEND_INCOMPLETE', 1]]));
});

test('the shares of any amount add up to it and differ by at most one', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 2_000 }), (amount, count) => {
      const shares = Array.from({ length: count }, (_, minute) =>
        shareOfMinute(amount, minute, count),
      );
      expect(shares.reduce((sum, share) => sum + BigInt(share), 0n)).toBe(BigInt(amount));
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }),
  );
});

const anySpend = fc
  .record({
    channel: fc.constantFrom('dtc', 'amazon'),
    currency: fc.constantFrom('EUR', 'GBP'),
    amount: fc.nat({ max: 1_000 }),
    fromMs: fc.nat({ max: 30 * MINUTE_MS }),
    spanMs: fc.integer({ min: 1, max: 20 * MINUTE_MS }),
  })
  .map(({ channel, currency, amount, fromMs, spanMs }) =>
    buildReference({
      channel,
      currency,
      amount_minor: amount,
      from: DAY_ZERO_MS + fromMs,
      to: DAY_ZERO_MS + fromMs + spanMs,
    }),
  );

describeOperatorLaws({
  name: 'spend',
  operators: [createSpendOperator()],
  events: fc.array(anySpend, { maxLength: 10 }).map((events) =>
    events.map((event, index) => ({
      topic: 'weir.reference',
      event: { ...event, event_id: `e${index}` },
    })),
  ),
  oracle: byDefinition,
  sumsTables: [CHANNEL_1M],
  stateBytesMax: 0,
  expiresAfterMsMax: 0,
  allowedLatenessMs: DAY_MS,
});

/** floor(A(i+1)/n) − floor(A·i/n) in big integers. */
function byDefinition(events: readonly LawEvent[]): Results {
  const rows: Record<string, { spend_minor: number }> = {};
  for (const { topic, event } of events) {
    if (topic !== 'weir.reference') continue;
    const first = Math.floor((event.from ?? 0) / MINUTE_MS);
    const count = BigInt(Math.ceil((event.to ?? 0) / MINUTE_MS) - first);
    const amount = BigInt(event.amount_minor ?? 0);
    for (let minute = 0n; minute < count; minute += 1n) {
      const share = Number((amount * (minute + 1n)) / count - (amount * minute) / count);
      if (share === 0) continue;
      const key = `${(first + Number(minute)) * MINUTE_MS}|${event.channel}|${event.currency}`;
      rows[key] = { spend_minor: (rows[key]?.spend_minor ?? 0) + share };
    }
  }
  return { sums: { [CHANNEL_1M.name]: rows }, rows: {} };
}
