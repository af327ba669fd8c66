import fc from 'fast-check';
import { expect, test } from 'vitest';

import { loadConfig } from '../../processors/config.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import { createProcessors } from '../../processors/registry.ts';
import { CLICK_KINDS } from '../../schemas/events/click.ts';
import { INVENTORY_KINDS } from '../../schemas/events/inventory.ts';
import { ORDER_STATUSES } from '../../schemas/events/order.ts';
import { VISITOR_EVENT_KINDS } from '../../schemas/events/visitor-event.ts';
import { visitorToken } from '../../schemas/ids.ts';
import type { Value } from '../../schemas/panel.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { buildVerdict, createScriptedJudge } from '../doubles/scripted-judge.ts';
import {
  DAY_ZERO_MS,
  buildClick,
  buildInventory,
  buildLine,
  buildOrder,
  buildRate,
  buildReference,
} from './event-builders.ts';
import type { LawEvent } from './law-event.ts';
import { Run } from './law-run.ts';

const LIFT_TESTS = [{ id: 'half', channel: 'search', salt: 'b', share: 0.5, start: DAY_ZERO_MS }];
const PROCESSORS = createProcessors(
  loadConfig({
    file: undefined,
    environment: { WEIR_LIFT_TESTS: JSON.stringify(LIFT_TESTS) },
  }),
);
/** Lists per processor and law. */
const RUNS = Number(process.env['RUNS'] ?? 100);

/** Few keys, few channels and equal times, so that events meet. */
const anyTime = fc.oneof(
  fc.nat({ max: 40 }).map((minute) => DAY_ZERO_MS + minute * MINUTE_MS),
  fc.nat({ max: 5 * HOUR_MS }).map((offsetMs) => DAY_ZERO_MS + offsetMs),
);
const anyVisitor = fc.constantFrom('v1', 'v2').map((id) => visitorToken(id));
const anySku = fc.constantFrom('cup', 'pot');
const anyChannel = fc.constantFrom('direct', 'search', 'dtc');

/** What is found out about visitors: whole days, one day or nothing of what they did is withdrawn. */
const anyVerdict = fc
  .record({
    visitor_id: anyVisitor,
    kind: fc.constantFrom(...VISITOR_EVENT_KINDS),
    about: fc.nat({ max: 4 }).map((days) => DAY_ZERO_MS + (days - 1) * DAY_MS),
    revision: fc.nat({ max: 1_000 }),
  })
  .map((fields) => ({ topic: 'weir.internal.visitor', event: buildVerdict(fields) }) as const);

const anyEvent: fc.Arbitrary<LawEvent> = fc.oneof(
  fc
    .record({
      occurred_at: anyTime,
      visitor_id: anyVisitor,
      kind: fc.constantFrom(...CLICK_KINDS),
      channel: anyChannel,
      agent: fc.constantFrom(null, null, null, 'Mozilla/0.0 (X0; Linux)', 'Googlebot/0.0'),
    })
    .map((fields) => ({ topic: 'weir.clicks', event: buildClick(fields) }) as const),
  fc
    .record({
      occurred_at: anyTime,
      order: fc.nat({ max: 3 }),
      status: fc.constantFrom(...ORDER_STATUSES),
      sku: anySku,
      dueHours: fc.constantFrom(null, 1, 3),
      zone: fc.constantFrom('urban', 'rural', null),
      reason: fc.constantFrom('damaged', null),
    })
    .map(
      ({ occurred_at, order, status, sku, dueHours, zone, reason }) =>
        ({
          topic: 'weir.orders',
          // An order belongs to one visitor, whatever happens to it.
          event: buildOrder({
            occurred_at,
            status,
            zone,
            reason,
            due_at: dueHours === null ? null : occurred_at + dueHours * HOUR_MS,
            order_id: `o${order}`,
            visitor_id: visitorToken(order < 2 ? 'v1' : 'v2'),
            lines: [buildLine({ sku })],
          }),
        }) as const,
    ),
  fc
    .record({
      occurred_at: anyTime,
      sku: anySku,
      kind: fc.constantFrom(...INVENTORY_KINDS),
      on_hand: fc.nat({ max: 3 }),
      quantity: fc.integer({ min: -3, max: 3 }),
      channel: fc.constantFrom('dtc', 'retail'),
      price_minor: fc.constantFrom(500, 497, 480, 100),
      currency: fc.constantFrom('EUR', 'RON'),
      capacity: fc.constantFrom(100, 0),
      used: fc.constantFrom(80, 85, 86),
    })
    .map((fields) => ({ topic: 'weir.inventory', event: buildInventory(fields) }) as const),
  fc
    .record({
      occurred_at: anyTime,
      from: anyTime,
      minutes: fc.integer({ min: 1, max: 90 }),
      amount_minor: fc.nat({ max: 1_000 }),
    })
    .map(
      ({ occurred_at, from, minutes, amount_minor }) =>
        ({
          topic: 'weir.reference',
          event: buildReference({
            occurred_at,
            from,
            to: from + minutes * MINUTE_MS,
            amount_minor,
          }),
        }) as const,
    ),
);

const anyRate: fc.Arbitrary<LawEvent> = fc
  .record({ occurred_at: anyTime, rate: fc.constantFrom(4.97, 5) })
  .map(({ occurred_at, rate }) => ({
    topic: 'weir.internal.sku',
    event: buildRate({ occurred_at, rate }),
  }));

const anyEvents = fc
  .array(
    fc.oneof(
      { weight: 9, arbitrary: anyEvent },
      { weight: 1, arbitrary: anyVerdict },
      { weight: 1, arbitrary: anyRate },
    ),
    {
      maxLength: 25,
    },
  )
  .map((events) => events.map(withId));

function withId(lawEvent: LawEvent, index: number): LawEvent {
  const event_id = `e${index}`;
  switch (lawEvent.topic) {
    case 'weir.clicks':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.orders':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.inventory':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.reference':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.internal.sku':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.internal.visitor':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.internal.address':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
    case 'weir.internal.identity':
      return { topic: lawEvent.topic, event: { ...lawEvent.event, event_id } };
  }
}

/** What a user would see in the end: sums that are not zero, and rows that were not withdrawn. */
function resultsOf(processor: Processor, { output }: Run): unknown {
  return processor.tables.map((table) => {
    switch (table.kind) {
      case 'sums':
        return table.isTrail === true ? {} : output.nonZeroSums(table);
      case 'rows': {
        const withdrawn = table.columns.findIndex(({ name }) => name === 'withdrawn');
        const isShown = (row: readonly Value[]): boolean =>
          withdrawn < 0 || row[withdrawn] !== true;
        const rows = [...(output.rows.get(table.name)?.values() ?? [])].filter((row) =>
          isShown(row),
        );
        return rows.map((row) => JSON.stringify(row)).toSorted();
      }
      case 'facts':
        // How results came about depends on the order of arrival.
        if (table.isTrail === true) return [];
        return (output.facts.get(table.name) ?? []).map((row) => JSON.stringify(row)).toSorted();
    }
  });
}

/** Everything a processor has, behind a judge that does what verdicts say. */
function judged(processor: Processor): Processor {
  return { ...processor, operators: [createScriptedJudge(), ...processor.operators] };
}

function passOver(processor: Processor, events: readonly LawEvent[], isInterrupted: boolean): Run {
  const run = new Run(processor.operators);
  for (const event of events) {
    run.apply(event);
    if (isInterrupted) run.restart();
  }
  run.finish();
  return run;
}

/** Facts carry when the log took them, which is not the operator's to decide; here it is the event's time. */
test.each(PROCESSORS)(
  '$name, as registered: any order of arrival gives the same rows',
  (processor) => {
    fc.assert(
      fc.property(anyEvents, fc.infiniteStream(fc.nat()), (events, ranks) => {
        const ranked = events.map((event) => ({ event, rank: ranks.next().value ?? 0 }));
        const shuffled = ranked.toSorted((a, b) => a.rank - b.rank).map(({ event }) => event);
        expect(resultsOf(processor, passOver(processor, shuffled, false))).toEqual(
          resultsOf(processor, passOver(processor, events, false)),
        );
      }),
      { numRuns: RUNS },
    );
  },
);

test.each(PROCESSORS)(
  '$name, as registered: storing and restoring the state between any two events changes nothing',
  (processor) => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        expect(resultsOf(processor, passOver(processor, events, true))).toEqual(
          resultsOf(processor, passOver(processor, events, false)),
        );
      }),
      { numRuns: RUNS },
    );
  },
);

/** Two days, so that verdicts about a day leave something; times of events meet. */
const spreadEvents = fc
  .array(fc.tuple(anyEvent, fc.nat({ max: 2 })), { maxLength: 20 })
  .map((pairs) => pairs.map(([lawEvent, days], index) => later(withId(lawEvent, index), days)));

function later(lawEvent: LawEvent, days: number): LawEvent {
  const { topic, event } = lawEvent;
  const occurred_at = event.occurred_at + days * DAY_MS;
  if (topic === 'weir.clicks') return { topic, event: { ...event, occurred_at } };
  if (topic === 'weir.orders') return { topic, event: { ...event, occurred_at } };
  return lawEvent;
}

const withoutJudge = PROCESSORS.filter(({ operators }) =>
  operators.every(({ standingOf }) => standingOf === undefined),
);

test.each(withoutJudge)(
  '$name, as registered: whenever verdicts come, the rows are as if the last one had been known from the start',
  (processor) => {
    const all = judged(processor);
    fc.assert(
      fc.property(
        spreadEvents,
        fc.array(anyVerdict, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        (events, verdicts, ranks, isInterrupted) => {
          const told = verdicts.map((verdict, index) => ({
            topic: verdict.topic,
            event: { ...verdict.event, event_id: `v${index}`, revision: index },
          }));
          const mixed = [...events, ...told]
            .map((event) => ({ event, rank: ranks.next().value ?? 0 }))
            .toSorted((a, b) => a.rank - b.rank)
            .map(({ event }) => event);
          expect(resultsOf(all, passOver(all, mixed, isInterrupted))).toEqual(
            resultsOf(all, passOver(all, [...told, ...events], false)),
          );
        },
      ),
      { numRuns: RUNS },
    );
  },
);

const anyId = fc.constantFrom('v1', 'v2', 'v3').map((id) => visitorToken(id));

/** Links between three ids: chains, circles, an id with itself, and the same link again. */
const anyLink = fc
  .record({ visitor_id: anyId, into: anyId })
  .map(
    (ids) =>
      ({ topic: 'weir.reference', event: buildReference({ kind: 'identity', ...ids }) }) as const,
  );

/** Under which of three ids each event came. */
const eventsOfIds = fc
  .array(fc.tuple(fc.oneof({ weight: 8, arbitrary: anyEvent }, anyVerdict), anyId), {
    maxLength: 20,
  })
  .map((pairs) =>
    pairs.map(([lawEvent, visitor_id], index) => {
      const { topic, event } = withId(lawEvent, index);
      if (topic === 'weir.clicks') return { topic, event: { ...event, visitor_id } };
      if (topic === 'weir.orders') return { topic, event: { ...event, visitor_id } };
      // The same evidence says one thing per number.
      if (topic === 'weir.internal.visitor')
        return { topic, event: { ...event, visitor_id, revision: index } };
      return withId(lawEvent, index);
    }),
  );

test.each(PROCESSORS)(
  '$name, as registered: whenever links between ids come, the rows are as if all had been known from the start',
  (processor) => {
    const all = withoutJudge.includes(processor) ? judged(processor) : processor;
    fc.assert(
      fc.property(
        eventsOfIds,
        fc.array(anyLink, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        (events, links, ranks, isInterrupted) => {
          const told = links.map((link, index) => ({
            topic: link.topic,
            event: { ...link.event, event_id: `l${index}` },
          }));
          const mixed = [...events, ...told]
            .map((event) => ({ event, rank: ranks.next().value ?? 0 }))
            .toSorted((a, b) => a.rank - b.rank)
            .map(({ event }) => event);
          expect(resultsOf(all, passOver(all, mixed, isInterrupted))).toEqual(
            resultsOf(all, passOver(all, [...told, ...events], false)),
          );
        },
      ),
      { numRuns: RUNS },
    );
  },
);

test.each(PROCESSORS)(
  '$name, as registered: no state grows without a bound over equal events',
  (processor) => {
    const [short, long] = [200, 2_000].map((count) => {
      const clicks = Array.from({ length: count }, (_, index) =>
        withId({ topic: 'weir.clicks', event: buildClick({ kind: 'click' }) }, index),
      );
      return passOver(processor, clicks, false).states.reduce(
        (bytes, { operator, state }) => bytes + operator.stateBytes(state),
        0,
      );
    });
    expect(long).toBeLessThanOrEqual((short ?? 0) * 2);
  },
);
