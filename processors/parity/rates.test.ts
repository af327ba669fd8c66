import { expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildInventory, buildRate } from '../../test/laws/event-builders.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createParityOperator } from './operator.ts';
import { conversionsOf, createRates, takeRate } from './rates.ts';

const WATERMARK_MS = DAY_ZERO_MS + 10 * DAY_MS;
/** The first instant that can still change: a minute more than the allowed lateness of a day. */
const CHANGING_MS = WATERMARK_MS - DAY_MS - MINUTE_MS + 1;

/** The rates from EUR to RON and when they hold, after these came in this order, as days and values. */
function heldAfter(taken: readonly (readonly [day: number, rate: number])[]): readonly unknown[] {
  const rates = createRates();
  for (const [day, rate] of taken) {
    const event = buildRate({
      event_id: `r${rate}`,
      occurred_at: DAY_ZERO_MS + day * DAY_MS,
      rate,
    });
    takeRate(rates, event, { watermarkMs: WATERMARK_MS, allowedLatenessMs: DAY_MS });
  }
  const pair = { from: 'EUR', to: 'RON' };
  return conversionsOf(rates, pair, rates.version).map(({ timeMs, rate }) => [timeMs, rate]);
}

test('a rate that comes too late holds from where results can still change', () => {
  expect(heldAfter([[5, 4.97]])).toEqual([[CHANGING_MS, 4.97]]);
});

test('of two rates that come too late the newer one holds, whichever comes first', () => {
  expect(
    heldAfter([
      [5, 4.97],
      [6, 5],
    ]).at(-1),
  ).toEqual([CHANGING_MS, 5]);
  expect(
    heldAfter([
      [6, 5],
      [5, 4.97],
    ]),
  ).toEqual([[CHANGING_MS, 5]]);
});

test('a rate that comes too late does not replace a newer one', () => {
  const onTime = [9.5, 5] as const;
  expect(heldAfter([onTime, [5, 4.97]])).toEqual([
    [CHANGING_MS, 4.97],
    [DAY_ZERO_MS + 9.5 * DAY_MS, 5],
  ]);
});

test('a feed that is silent after a repeat is reported although nothing else comes for its SKU', () => {
  const operator = createParityOperator({
    allowedLatenessMs: DAY_MS,
    referenceChannel: 'dtc',
    toleranceBasisPoints: 100,
    fxBandBasisPoints: 200,
    dwellMs: 10 * MINUTE_MS,
    staleAfterMs: 3 * HOUR_MS,
    taxBasisPointsOf: new Map(),
    owners: {},
  });
  const run = new Run([operator]);
  const price = (sku: string, channel: string, hour: number): void => {
    const occurred_at = DAY_ZERO_MS + hour * HOUR_MS;
    const event_id = `${sku}-${channel}-${hour}`;
    const amount = { price_minor: 10_000, currency: 'EUR' };
    const about = { event_id, occurred_at, kind: 'price', sku, channel, ...amount } as const;
    run.apply({ topic: 'weir.inventory', event: buildInventory(about) }, occurred_at);
  };
  for (const hour of [0, 1]) for (const channel of ['dtc', 'amazon']) price('cup', channel, hour);
  // The cup would be silent after three hours without the repeat, and is after four.
  for (const hour of [3, 3.5, 4, 4.5]) price('pot', 'dtc', hour);
  const opened = [...(run.output.rows.get(ALERTS.name)?.values() ?? [])].map((row) => [
    row[1],
    row[8],
  ]);
  expect(opened).toEqual([['price_feed_stale', DAY_ZERO_MS + 4 * HOUR_MS]]);
});
