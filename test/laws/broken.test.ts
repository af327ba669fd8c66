import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Operator, defineOperator } from '../../processors/engine/operator/operator.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import type { Standing } from '../../processors/engine/operator/standing.ts';
import type { SumsTable } from '../../processors/engine/operator/table.ts';
import { stageOf } from '../../processors/engine/runtime/stages.ts';
import { erase } from '../../schemas/brand.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import type { Topic } from '../../schemas/topics.ts';
import { NODE_LAWS } from './node-laws.ts';
import { PROCESSOR_LAWS } from './processor-laws.ts';

/** Lists within which every broken double has to be noticed. */
const LISTS_MAX = 300;

const COUNTS: SumsTable = {
  kind: 'sums',
  name: 'counts_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel'],
  sums: ['clicks', 'visitors'],
};

interface Counted {
  seen: string[];
  firstMs: number | null;
}

type Take = NonNullable<Operator<Counted>['apply']['weir.clicks']>;

/** A processor of clicks with one operator. */
function processorOf(take: Take, rest: Partial<Operator<Counted>> = {}): Processor {
  const operator = defineOperator<Counted>({
    name: 'counting',
    stage: 'visitor',
    stateVersion: 1,
    createState: () => ({ seen: [], firstMs: null }),
    apply: { 'weir.clicks': take },
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    stateBytes: ({ seen }) => 8 * seen.length,
    ...rest,
  });
  return { name: 'counting', operators: [operator], tables: [COUNTS], migrations: [] };
}

const count: Take = (_, event, output) =>
  output.add(COUNTS, event.occurred_at, [event.channel], 0, 1);
const SOUND = processorOf(count);

/** Counts every visitor where it was first seen by its arrival. */
const firstToArrive = processorOf((state, event, output) => {
  if (state.firstMs !== null) return;
  state.firstMs = event.occurred_at;
  output.add(COUNTS, event.occurred_at, [event.channel], 1, 1);
});

/** Keeps in its state what no store keeps. */
const infinite = processorOf(
  (state, event, output) => {
    if (state.firstMs !== Infinity) return;
    state.firstMs = event.occurred_at;
    output.add(COUNTS, 0, ['any'], 1, 1);
  },
  { createState: () => ({ seen: [], firstMs: Infinity }) },
);

/** Asks who the visitor is when an event comes, and never again. */
const neverReconsidering = processorOf((_, event, output, { standing = [] }) => {
  if (standing.length === 0) output.add(COUNTS, event.occurred_at, [event.channel], 0, 1);
});

/** Counts every id as a visitor, and forgets to take one back when two are one. */
const mergingTooLittle = processorOf(
  (state, _, output) => {
    if (state.firstMs !== null) return;
    state.firstMs = 0;
    output.add(COUNTS, 0, ['any'], 1, 1);
  },
  {
    merge: (state, other) => {
      state.firstMs ??= other.firstMs;
    },
  },
);

const remembersAll = processorOf((state, event) => {
  state.seen.push(event.event_id);
});

/** Keeps every event of one topic of which `isKept` holds, in its state or in what all keys share. */
function hoarding(
  topic: Topic,
  isKept: (event: Readonly<Record<string, unknown>>) => boolean,
  place: 'state' | 'facts' = 'state',
): Processor {
  interface Hoard {
    readonly seen: Record<string, true>;
  }
  const keep = (hoard: Hoard, event: object): void => {
    const fields = erase<Readonly<Record<string, unknown>>>(event);
    const name = String(fields['channel'] ?? fields['event_id']);
    if (isKept(fields)) hoard.seen[name] = true;
  };
  const operator = defineOperator<Hoard, Hoard>({
    name: 'hoarding',
    stage: stageOf(topic),
    stateVersion: 1,
    createState: () => ({ seen: {} }),
    facts: {
      create: () => ({ seen: {} }),
      take: (facts, event) => {
        if (place === 'facts') keep(facts, event);
        return false;
      },
    },
    apply: {
      [topic]: (state: Hoard, event: object) => {
        if (place === 'state') keep(state, event);
      },
    },
    expiresAtMs: () => Number.POSITIVE_INFINITY,
    // What it says of itself does not grow.
    stateBytes: () => 8,
  });
  return { name: 'hoarding', operators: [operator], tables: [], migrations: [] };
}

/** Leaves out what is older than the watermark, which depends on what a task takes at once. */
const byWatermark = processorOf((_, event, output, { watermarkMs }) => {
  if (event.occurred_at >= watermarkMs)
    output.add(COUNTS, event.occurred_at, [event.channel], 0, 1);
});

const byPartition = processorOf((_, event, output, { partition }) => {
  output.add(COUNTS, event.occurred_at, [String(partition)], 0, 1);
});

/** A judge that does what it is told, whose visitors are counted by `neverReconsidering`. */
const judging: Operator = defineOperator<{ standing: Standing }>({
  name: 'judging',
  stage: 'visitor',
  stateVersion: 1,
  createState: () => ({ standing: [] }),
  apply: {
    'weir.internal.visitor': (state, event) => {
      const untilMs = Number.MAX_SAFE_INTEGER;
      state.standing =
        event.kind === 'confirmed' ? [{ fromMs: 0, untilMs, tier: 1, reason: 'told' }] : [];
    },
  },
  standingOf: ({ standing }) => standing,
  expiresAtMs: () => Number.POSITIVE_INFINITY,
  stateBytes: () => 8,
});

function isNamed(law: { readonly name: string }, name: string): boolean {
  return law.name.startsWith(`${name}:`);
}

test.each([
  ['order', firstToArrive],
  ['restart', infinite],
  ['add-then-retract', neverReconsidering],
  ['links', mergingTooLittle],
  ['bounds', remembersAll],
])('the law of %s notices an operator that breaks it, and passes a sound one', (name, broken) => {
  const law = PROCESSOR_LAWS.find((each) => isNamed(each, name));
  expect(
    fc.check(law?.property(broken) ?? never, { numRuns: LISTS_MAX, endOnFailure: true }).failed,
  ).toBe(true);
  expect(fc.check(law?.property(SOUND) ?? never, { numRuns: 20 }).failed).toBe(false);
});

test.each<[what: string, processor: Processor]>([
  ['beacons', hoarding('weir.clicks', ({ kind }) => kind === 'beacon')],
  ['names of channels', hoarding('weir.clicks', ({ kind }) => kind === 'click')],
  ['returned orders', hoarding('weir.orders', ({ status }) => status === 'returned')],
  ['capacities', hoarding('weir.inventory', ({ kind }) => kind === 'capacity')],
  ['erasures', hoarding('weir.reference', ({ kind }) => kind === 'erasure')],
  ['promises', hoarding('weir.internal.sku', ({ kind }) => kind === 'promised')],
  ['marks', hoarding('weir.internal.visitor', ({ kind }) => kind === 'marked')],
  ['visitors of an address', hoarding('weir.internal.address', () => true)],
  ['rates that all keys share', hoarding('weir.internal.sku', () => true, 'facts')],
])('the law of bounds notices who keeps all %s, and says that it takes no more', (_, hoard) => {
  const law = PROCESSOR_LAWS.find((each) => isNamed(each, 'bounds'));
  expect(fc.check(law?.property(hoard) ?? never, { numRuns: 1, endOnFailure: true }).failed).toBe(
    true,
  );
});

test.each([
  ['batching', { processors: [byWatermark] }],
  ['partitioning', { processors: [byPartition] }],
  ['duplicates', { processors: [SOUND], deduplicationIdsMax: 1 }],
  [
    'add-then-retract',
    {
      processors: [
        { ...neverReconsidering, operators: [judging, ...neverReconsidering.operators] },
      ],
    },
  ],
])('the law of %s notices a node that breaks it, and passes a sound one', async (name, broken) => {
  const law = NODE_LAWS.find((each) => isNamed(each, name));
  const check = async (node: typeof broken, numRuns: number): Promise<boolean> =>
    (await fc.check(law?.property(node) ?? neverAsync, { numRuns, endOnFailure: true })).failed;
  expect(await check(broken, LISTS_MAX)).toBe(true);
  expect(await check({ processors: [SOUND] }, 10)).toBe(false);
});

const never = fc.property(fc.constant(undefined), () => {
  throw new Error('There is no such law');
});
const neverAsync = fc.asyncProperty(fc.constant(undefined), () =>
  Promise.reject(new Error('There is no such law')),
);
