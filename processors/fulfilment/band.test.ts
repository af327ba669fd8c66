import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ALERTS } from '../../schemas/alert.ts';
import type { Order } from '../../schemas/events/order.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import type { Value } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { DAY_ZERO_MS, buildOrder, buildRate } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import { alertIdOf } from '../engine/operator/incident.ts';
import { createBandOperator } from './band-operator.ts';
import { createFulfilment } from './processor.ts';
import { BANDS } from './row.ts';

const CONFIG = { allowedLatenessMs: DAY_MS, returnsKeptMs: 5 * DAY_MS, owners: {} };
const ZERO_HOUR = DAY_ZERO_MS / HOUR_MS;
/** Facts of the laws come in lots, so that a few of them break a band. */
const LOT = 30;

function promised(fields: Partial<SkuEvent>): LawEvent {
  const event = buildRate({ kind: 'promised', base: null, quote: null, rate: null, ...fields });
  return { topic: 'weir.internal.sku', event };
}

/** A lot that was placed, and what may have become of it: each fact when it became known. */
const anyLot = fc
  .record({
    zone: fc.constantFrom('urban', 'rural'),
    placedHour: fc.nat({ max: 40 }),
    end: fc.oneof(
      fc.constant({ kind: 'open' } as const),
      fc.record({ kind: fc.constant('delivered' as const), hours: fc.constantFrom(24, 48, 72) }),
      fc.record({ kind: fc.constant('cancelled' as const), hours: fc.nat({ max: 90 }) }),
    ),
  })
  .map(({ zone, placedHour, end }) => {
    const placed_at = DAY_ZERO_MS + placedHour * HOUR_MS;
    const lot = { sku: zone, demand: LOT, placed_at };
    const facts = [promised({ ...lot, occurred_at: placed_at + 1 })];
    const endMs = placed_at + (end.kind === 'open' ? 0 : end.hours * HOUR_MS);
    if (end.kind === 'delivered')
      facts.push(promised({ ...lot, occurred_at: endMs, within_hours: end.hours }));
    if (end.kind === 'cancelled')
      facts.push(
        promised({ ...lot, occurred_at: endMs + HOUR_MS - 1, cancelled_at: endMs + HOUR_MS }),
      );
    return facts;
  });

const anyFacts = fc
  .array(anyLot, { maxLength: 8 })
  .map((lots) =>
    lots
      .flat()
      .map((each, index): LawEvent =>
        each.topic === 'weir.internal.sku'
          ? { topic: each.topic, event: { ...each.event, event_id: `e${index}` } }
          : each,
      ),
  );

/** Wilson's upper end at 95 %, from the quadratic that defines it. */
function upperEnd(delivered: number, placed: number): number {
  const z2 = 1.959963984540054 ** 2;
  const [a, b, c] = [placed + z2, -(2 * delivered + z2), (delivered * delivered) / placed];
  return (-b + Math.sqrt(b * b - 4 * a * c)) / (2 * a);
}

/** Looks at every full hour anew: who was placed in the day that counts, and what was known by then. */
function byHand(events: readonly LawEvent[]): Results {
  const facts = events.flatMap(({ topic, event }) =>
    topic === 'weir.internal.sku' ? [event] : [],
  );
  const newestHour = Math.floor(Math.max(0, ...facts.map((fact) => fact.occurred_at)) / HOUR_MS);
  const rows: Record<string, readonly Value[]> = {};
  for (const { zone, hours, low } of BANDS) {
    let opened: { readonly hour: number; readonly detail: string } | undefined;
    const write = (resolvedHour: number | null): void => {
      if (opened === undefined) return;
      const openedMs = opened.hour * HOUR_MS;
      const id = alertIdOf('delivery_late', [zone, String(hours)], openedMs);
      const state = resolvedHour === null ? 'open' : 'resolved';
      const resolvedMs = resolvedHour === null ? null : resolvedHour * HOUR_MS;
      const subject = `${zone}, within ${hours} h`;
      const runbook = 'docs/operations.md#delivery-late';
      const times = [openedMs, null, null, resolvedMs];
      const about: readonly Value[] = [
        id,
        'delivery_late',
        'warning',
        state,
        subject,
        zone,
        '',
        '',
      ];
      rows[id] = about.concat(times, [null, null, '', runbook, opened.detail, false]);
    };
    for (let hour = ZERO_HOUR; hour <= newestHour; hour += 1) {
      const toMs = (hour - hours) * HOUR_MS;
      const judged = facts.filter(({ sku, placed_at }) => {
        const placedMs = placed_at ?? 0;
        return sku === zone && placedMs < toMs && placedMs >= toMs - DAY_MS;
      });
      const unitsOf = (isOne: (fact: SkuEvent) => boolean): number =>
        judged.filter(isOne).reduce((sum, { demand }) => sum + demand, 0);
      const cancelled = unitsOf(({ cancelled_at }) => (cancelled_at ?? Infinity) <= hour * HOUR_MS);
      const placed =
        unitsOf(
          ({ within_hours, cancelled_at }) => (within_hours ?? cancelled_at ?? null) === null,
        ) - cancelled;
      const delivered = unitsOf(({ within_hours }) => (within_hours ?? Infinity) <= hours);
      if (opened === undefined && placed >= 20 && upperEnd(delivered, placed) < low) {
        const share = ((100 * delivered) / placed).toFixed(1);
        const text = (ms: number): string =>
          `${new Date(ms).toISOString().slice(0, 10)} ${new Date(ms).toISOString().slice(11, 16)} UTC`;
        opened = {
          hour,
          detail: `${delivered} of ${placed} orders placed from ${text(toMs - DAY_MS)} to ${text(toMs)} were delivered within ${hours} h: ${share} %, meant are ${Math.round(low * 100)} % or more`,
        };
      } else if (opened !== undefined && (placed === 0 || delivered / placed >= low)) {
        write(hour);
        opened = undefined;
      }
    }
    write(null);
  }
  return { sums: {}, rows: { [ALERTS.name]: rows } };
}

describeOperatorLaws({
  name: 'delivery bands',
  operators: [createBandOperator(CONFIG)],
  events: anyFacts,
  oracle: byHand,
  sumsTables: [],
  rowsTables: [ALERTS],
  stateBytesMax: 10_000,
  expiresAfterMsMax: 'never',
  allowedLatenessMs: DAY_MS,
});

/** Takes order events through both stages: what the visitor stage forwards goes on to the zones. */
class TwoStages {
  readonly #run = new Run(createFulfilment(CONFIG).operators);

  take(event: Order, watermarkMs?: number): void {
    this.#run.apply({ topic: 'weir.orders', event }, watermarkMs);
    for (const { event: forwarded } of this.#run.output.forwarded.splice(0)) {
      if (!('kind' in forwarded) || forwarded.kind !== 'promised') continue;
      this.#run.apply({ topic: 'weir.internal.sku', event: forwarded }, watermarkMs);
    }
  }

  acknowledge(openedHour: number, atHour: number): void {
    const event = buildRate({
      kind: 'acknowledged',
      sku: 'urban',
      occurred_at: DAY_ZERO_MS + atHour * HOUR_MS,
      alert_id: alertIdOf('delivery_late', ['urban', '24'], DAY_ZERO_MS + openedHour * HOUR_MS),
      actor: 'ana',
    });
    this.#run.apply({ topic: 'weir.internal.sku', event });
  }

  /** Zone and band, hour of opening and of resolution, and who took it over; those not withdrawn. */
  alerts(): readonly unknown[] {
    this.#run.finish();
    const at = (name: string): number => ALERTS.columns.findIndex((column) => column.name === name);
    const hourOf = (value: Value | undefined): number | null =>
      typeof value === 'number' ? (value - DAY_ZERO_MS) / HOUR_MS : null;
    return [...(this.#run.output.rows.get(ALERTS.name)?.values() ?? [])]
      .filter((row) => row[at('withdrawn')] !== true)
      .map((row) => [
        row[at('subject')],
        hourOf(row[at('opened_at')]),
        hourOf(row[at('resolved_at')]),
        row[at('acknowledged_by')],
      ]);
  }
}

function order(id: string, status: Order['status'], hour: number): Order {
  return buildOrder({
    event_id: `${id}-${status}`,
    order_id: id,
    status,
    visitor_id: visitorToken(id),
    occurred_at: DAY_ZERO_MS + hour * HOUR_MS,
    zone: 'urban',
  });
}

/** 100 orders in the first hour, of which so many come within a day, the others after 30 hours. */
function dayOf(inTime: number): readonly Order[] {
  return Array.from({ length: 100 }, (_, index) => `o${index}`).flatMap((id, index) => [
    order(id, 'placed', 0.5),
    order(id, 'delivered', index < inTime ? 20 : 30.5),
  ]);
}

function alertsAfter(orders: readonly Order[], untilHour: number): readonly unknown[] {
  const stages = new TwoStages();
  for (const each of orders) stages.take(each);
  stages.take(order('last', 'shipped', untilHour));
  return stages.alerts();
}

test('a day of 78 % in 24 hours breaks the band of 85 %, and one of 79 % may be chance', () => {
  // Wilson's interval of 78/100 ends at 84.999 %, that of 79/100 at 85.83 %.
  expect(alertsAfter(dayOf(78), 40)).toEqual([['urban, within 24 h', 25, null, null]]);
  expect(alertsAfter(dayOf(79), 40)).toEqual([]);
});

test('an incident ends when the orders have left the day that is judged', () => {
  expect(alertsAfter(dayOf(50), 100)).toEqual([['urban, within 24 h', 25, 49, null]]);
});

test('between broken and kept an incident neither ends nor begins again', () => {
  const stages = new TwoStages();
  for (const each of dayOf(77)) stages.take(each);
  // 84 of 110, 94 of 120 and 144 of 170 are less than 85 %, although chance may explain the last; 154 of 180 are more.
  for (const [hour, count, inTime] of [
    [1.5, 10, 7],
    [2.5, 10, 10],
    [3.5, 50, 50],
    [4.5, 10, 10],
  ] as const) {
    for (let index = 0; index < count; index += 1) {
      const id = `${hour}-${index}`;
      stages.take(order(id, 'placed', hour));
      if (index < inTime) stages.take(order(id, 'delivered', hour + 1));
    }
  }
  stages.take(order('last', 'shipped', 40));
  expect(stages.alerts()).toEqual([['urban, within 24 h', 25, 29, null]]);
});

test('a late delivery withdraws the incident, and who took it over keeps it when it only moves', () => {
  const found = order('o78', 'delivered', 20);
  const without = dayOf(79).filter(({ event_id }) => event_id !== found.event_id);
  expect(alertsAfter(without, 30)).toHaveLength(1);
  expect(alertsAfter([...without, order('last', 'shipped', 30), found], 30)).toEqual([]);

  const stages = new TwoStages();
  for (const each of dayOf(70)) stages.take(each);
  stages.take(order('next', 'shipped', 26));
  stages.acknowledge(25, 26);
  stages.take(order('last', 'shipped', 60));
  expect(stages.alerts()).toEqual([['urban, within 24 h', 25, 49, 'ana']]);
});

test('a cancelled order is judged until it was cancelled', () => {
  const orders = dayOf(60).filter(({ event_id }) => !/^o[6-9]\d-delivered$/u.test(event_id));
  const cancelled = Array.from({ length: 40 }, (_, index) =>
    order(`o${60 + index}`, 'cancelled', 27.5),
  );
  expect(alertsAfter([...orders, ...cancelled], 40)).toEqual([
    ['urban, within 24 h', 25, 28, null],
  ]);
});
