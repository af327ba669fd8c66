import fc from 'fast-check';
import { expect } from 'vitest';

import { MINUTE_MS } from '../../schemas/time.ts';
import { buildVerdict } from '../doubles/scripted-judge.ts';
import { DAY_ZERO_MS, buildReference } from './event-builders.ts';
import type { LawEvent } from './law-event.ts';
import { anyEvent, anyId, anyLink, withId } from './law-events.ts';
import { type NodeParts, tablesAfter } from './node-run.ts';

/** A law that holds for every list of events; `property` fails where it does not. */
export interface NodeLaw {
  readonly name: string;
  readonly property: (node: NodeParts) => fc.IAsyncProperty<unknown>;
}

const anyFx = fc
  .record({ minute: fc.nat({ max: 40 }), rate: fc.constantFrom(4.97, 5) })
  .map(({ minute, rate }): LawEvent => ({
    topic: 'weir.reference',
    event: buildReference({
      occurred_at: DAY_ZERO_MS + minute * MINUTE_MS,
      subject: 'EUR/RON',
      kind: 'fx',
      base: 'EUR',
      quote: 'RON',
      rate,
    }),
  }));

/** What users send, under three ids that may turn out to be one visitor. */
export const anyEvents = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 12, arbitrary: anyEvent },
        { weight: 1, arbitrary: anyFx },
        { weight: 1, arbitrary: anyLink },
      ),
      anyId,
    ),
    { minLength: 1, maxLength: 20 },
  )
  .map((pairs) => pairs.map(([event, id], index) => withId(of(event, id), index)));

/** A click of another id; orders stay with who placed them. */
function of(
  lawEvent: LawEvent,
  visitor_id: ReturnType<typeof buildVerdict>['visitor_id'],
): LawEvent {
  if (lawEvent.topic !== 'weir.clicks') return lawEvent;
  return { topic: lawEvent.topic, event: { ...lawEvent.event, visitor_id } };
}

const anyBatches = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });
const ONE_BY_ONE = { partitions: 2, batches: [1] };

/** The laws of what lies between the log and the tables, over the real engine. */
export const NODE_LAWS: readonly NodeLaw[] = [
  {
    name: 'batching: any split of the input gives the same tables',
    property: (node) =>
      fc.asyncProperty(anyEvents, anyBatches, async (events, batches) => {
        expect(await tablesAfter(node, events, { partitions: 2, batches })).toEqual(
          await tablesAfter(node, events, ONE_BY_ONE),
        );
      }),
  },
  {
    name: 'partitioning: any number of partitions gives the same tables',
    property: (node) =>
      fc.asyncProperty(anyEvents, fc.constantFrom(1, 3, 5), async (events, partitions) => {
        const batches = [events.length];
        expect(await tablesAfter(node, events, { partitions, batches })).toEqual(
          await tablesAfter(node, events, { partitions: 2, batches }),
        );
      }),
  },
  {
    name: 'duplicates: whatever comes again, and however often, changes nothing',
    property: (node) =>
      fc.asyncProperty(anyEvents, anyBatches, async (events, batches) => {
        const course = { partitions: 2, batches };
        expect(await tablesAfter(node, events, { ...course, isRepeated: true })).toEqual(
          await tablesAfter(node, events, course),
        );
      }),
  },
  {
    name: 'add-then-retract: what a verdict has taken and another gives back is there as before',
    property: (node) =>
      fc.asyncProperty(anyEvents, anyBatches, anyId, async (events, batches, visitor_id) => {
        const course = { partitions: 2, batches };
        const act = (kind: 'confirmed' | 'cleared', revision: number): LawEvent => ({
          topic: 'weir.internal.visitor',
          event: buildVerdict({
            event_id: `act-${revision}`,
            occurred_at: DAY_ZERO_MS,
            about: DAY_ZERO_MS,
            visitor_id,
            kind,
            revision,
          }),
        });
        const half = Math.floor(events.length / 2);
        const taken = [...events.slice(0, half), act('confirmed', 1), ...events.slice(half)];
        const back = act('cleared', 2);
        expect(await tablesAfter(node, [...taken, back], course)).toEqual(
          await tablesAfter(node, [...events, back], course),
        );
      }),
  },
];
