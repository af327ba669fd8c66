import fc from 'fast-check';
import { expect } from 'vitest';

import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { Value } from '../../schemas/panel.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { createScriptedJudge } from '../doubles/scripted-judge.ts';
import { type LawEvent, changed } from './law-event.ts';
import { anyEvent, anyId, anyLink, anyRate, anyVerdict, withId } from './law-events.ts';
import { WAYS_TO_DIFFER, kindsOf, nthOf } from './law-kinds.ts';
import { Run } from './law-run.ts';

/** A law that holds for every list of events; `property` fails where it does not. */
export interface ProcessorLaw {
  readonly name: string;
  readonly property: (processor: Processor) => fc.IProperty<unknown>;
  /** Nothing is drawn. */
  readonly isOnce?: true;
}

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

/** Two days, so that verdicts about a day leave something; times of events meet. */
const spreadEvents = fc
  .array(fc.tuple(anyEvent, fc.nat({ max: 2 })), { maxLength: 20 })
  .map((pairs) => pairs.map(([lawEvent, days], index) => later(withId(lawEvent, index), days)));

function later(lawEvent: LawEvent, days: number): LawEvent {
  const { topic, event } = lawEvent;
  if (topic !== 'weir.clicks' && topic !== 'weir.orders') return lawEvent;
  return changed(lawEvent, { occurred_at: event.occurred_at + days * DAY_MS });
}

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

function judges({ operators }: Processor): boolean {
  return operators.some(({ standingOf }) => standingOf !== undefined);
}

/** Everything a processor has, behind a judge that does what verdicts say; one that judges itself as it is. */
function judged(processor: Processor): Processor {
  if (judges(processor)) return processor;
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

/** The events in the order of drawn ranks. */
function shuffled(events: readonly LawEvent[], ranks: fc.Stream<number>): readonly LawEvent[] {
  return events
    .map((event) => ({ event, rank: ranks.next().value ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ event }) => event);
}

const anyRanks = fc.infiniteStream(fc.nat());

/** The laws of the operators of one processor, without a log or a checkpoint. */
export const PROCESSOR_LAWS: readonly ProcessorLaw[] = [
  {
    // Facts carry when the log took them, which is not the operator's to decide; here it is the event's time.
    name: 'order: any order of arrival gives the same rows',
    property: (processor) =>
      fc.property(anyEvents, anyRanks, (events, ranks) => {
        expect(resultsOf(processor, passOver(processor, shuffled(events, ranks), false))).toEqual(
          resultsOf(processor, passOver(processor, events, false)),
        );
      }),
  },
  {
    name: 'restart: storing and restoring the state between any two events changes nothing',
    property: (processor) =>
      fc.property(anyEvents, (events) => {
        expect(resultsOf(processor, passOver(processor, events, true))).toEqual(
          resultsOf(processor, passOver(processor, events, false)),
        );
      }),
  },
  {
    name: 'add-then-retract: whenever verdicts come, the rows are as if the last one had been known from the start',
    property: (processor) => {
      const all = judged(processor);
      return fc.property(
        spreadEvents,
        fc.array(anyVerdict, { minLength: 1, maxLength: 5 }),
        anyRanks,
        fc.boolean(),
        (events, verdicts, ranks, isInterrupted) => {
          const told = verdicts.map((verdict, index) => ({
            topic: verdict.topic,
            event: { ...verdict.event, event_id: `v${index}`, revision: index },
          }));
          const mixed = shuffled([...events, ...told], ranks);
          // A processor with a judge of its own hears the same evidence, in whatever order.
          const known = judges(processor) ? [...events, ...told] : [...told, ...events];
          expect(resultsOf(all, passOver(all, mixed, isInterrupted))).toEqual(
            resultsOf(all, passOver(all, known, false)),
          );
        },
      );
    },
  },
  {
    name: 'links: whenever links between ids come, the rows are as if all had been known from the start',
    property: (processor) => {
      const all = judged(processor);
      return fc.property(
        eventsOfIds,
        fc.array(anyLink, { minLength: 1, maxLength: 4 }),
        anyRanks,
        fc.boolean(),
        (events, links, ranks, isInterrupted) => {
          const told = links.map((link, index) => ({
            topic: link.topic,
            event: { ...link.event, event_id: `l${index}` },
          }));
          const mixed = shuffled([...events, ...told], ranks);
          expect(resultsOf(all, passOver(all, mixed, isInterrupted))).toEqual(
            resultsOf(all, passOver(all, [...told, ...events], false)),
          );
        },
      );
    },
  },
  {
    name: 'bounds: no state or facts grow without a bound over events of any one kind',
    isOnce: true,
    property: (processor) =>
      fc.property(anyEvents, (before) => {
        const growing = kindsOf(processor).flatMap((lawEvent) =>
          WAYS_TO_DIFFER.filter((how) => grows(processor, { before, lawEvent, how })).map(
            (how) => ({ topic: lawEvent.topic, event: lawEvent.event, how }),
          ),
        );
        expect(growing).toEqual([]);
      }),
  },
];

/**
 * Events of one kind to begin with, by which factor there are more each time, and beyond every bound that
 * there is: that of the changes of a node's stock is 8,192.
 */
const EVENTS_MIN = 1_024;
const MORE = 1.5;
const EVENTS_MAX = 20_000;
/** Numbers that count take another byte or two as they grow. */
const COUNTERS_BYTES_MAX = 64;

/** Whether state and facts take more and more with every event like it, however many there were. */
function grows(
  processor: Processor,
  {
    before,
    lawEvent,
    how,
  }: {
    readonly before: readonly LawEvent[];
    readonly lawEvent: LawEvent;
    readonly how: (typeof WAYS_TO_DIFFER)[number];
  },
): boolean {
  const run = new Run(processor.operators);
  for (const event of before) run.apply(event);
  let bytes = -Infinity;
  let taken = 0;
  for (let count = EVENTS_MIN; count <= EVENTS_MAX; count *= MORE) {
    for (; taken < count; taken += 1) run.apply(nthOf(lawEvent, how, taken));
    const fewer = bytes;
    bytes = run.bytes;
    if (bytes <= fewer + COUNTERS_BYTES_MAX) return false;
  }
  return true;
}
