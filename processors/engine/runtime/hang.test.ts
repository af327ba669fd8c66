import { expect, test } from 'vitest';

import { encodeEvent } from '../../../schemas/events/wire.ts';
import type { EventCounts } from '../../../schemas/ports.ts';
import { DAY_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { MemorySink } from '../../../test/doubles/memory-sink.ts';
import { NO_LISTENER } from '../../../test/doubles/no-listener.ts';
import { buildClick } from '../../../test/laws/event-builders.ts';
import { MemoryLog } from '../log/memory.ts';
import { defineOperator } from '../operator/operator.ts';
import type { Processor } from '../operator/processor.ts';
import type { SumsTable } from '../operator/table.ts';
import { MemoryStore } from '../state/memory.ts';
import { Engine } from './engine.ts';
import { EngineLoop } from './loop.ts';
import { systemClock } from './system-clock.ts';
import { Watchdog } from './watchdog.ts';

const T0 = Date.UTC(2026, 10, 20);
const LIMIT_MS = 250;

const COUNTS: SumsTable = {
  kind: 'sums',
  name: 'counts_rows',
  windowMs: MINUTE_MS,
  dimensions: ['channel'],
  sums: ['clicks', 'nth'],
};

/** Counts clicks per visitor, and calls `hang` for those of the channel `odd`, half way through its work. */
function counting(hang: () => void): Processor {
  return {
    name: 'counting',
    operators: [
      defineOperator<{ seen: number }>({
        name: 'counting',
        stage: 'visitor',
        stateVersion: 1,
        createState: () => ({ seen: 0 }),
        apply: {
          'weir.clicks': (state, event, output) => {
            state.seen += 1;
            output.add(COUNTS, event.occurred_at, [event.channel], 0, 1);
            if (event.channel === 'odd') hang();
            output.add(COUNTS, event.occurred_at, [event.channel], 1, state.seen);
          },
        },
        expiresAtMs: () => Number.POSITIVE_INFINITY,
        stateBytes: () => 16,
      }),
    ],
    tables: [COUNTS],
    migrations: [],
  };
}

/** Runs three clicks of a visitor, the second one odd, through a loop with this operator. */
async function run(hang: () => void): Promise<{
  readonly totals: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly counts: EventCounts;
  readonly outcomes: readonly string[];
  readonly deadLetters: readonly string[];
}> {
  const log = new MemoryLog(() => T0 + DAY_MS);
  const sink = new MemorySink();
  const outcomes: string[] = [];
  const engine = await Engine.open({
    node: 'test',
    processors: [counting(hang)],
    log,
    store: new MemoryStore(),
    sink,
    clock: systemClock,
    limits: {
      outOfOrdernessMs: MINUTE_MS,
      idleTimeoutMs: 30_000,
      allowedLatenessMs: DAY_MS,
      clockSkewMs: 5 * MINUTE_MS,
      cachedStateBytesMax: 100_000,
      cachedRowsMax: 100,
      deduplicationIdsMax: 100,
      checkpointMs: 1_000,
      checkpointKeysMax: 100,
      checkpointRowsMax: 100,
      stretchKeysMax: 100,
      checkpointLinesMax: 100,
      outboxRowsMax: 100,
    },
    partitions: 1,
    events: { ...NO_LISTENER, onCount: (code) => outcomes.push(code) },
  });
  const { promise: defect, reject } = Promise.withResolvers<never>();
  const loop = new EngineLoop({
    engine,
    log,
    clock: systemClock,
    liveTickMs: 50,
    onUpdates: () => undefined,
    onDefect: reject,
    stepMsMax: LIMIT_MS,
  });
  const values = ['plain', 'odd', 'plain'].map((channel, index) =>
    encodeEvent(
      'weir.clicks',
      buildClick({ event_id: `c-${index}`, occurred_at: T0, kind: 'click', channel }),
    ),
  );
  await log.append([{ topic: 'weir.clicks', partition: 0, values }]);
  loop.start();
  await Promise.race([loop.drain(), defect]);
  await loop.stop();
  const letters = [...(sink.tables.get('dead_letters_log')?.values() ?? [])];
  return {
    totals: sink.totals(COUNTS),
    counts: engine.counts(),
    outcomes,
    deadLetters: letters.map(({ code = '', message = '' }) => `${code}: ${message}`),
  };
}

const AT = `${T0 / 1_000}.000`;

test('a record on which an operator never returns becomes a dead letter, and everything else counts once', async () => {
  const { totals, counts, outcomes, deadLetters } = await run(() => {
    for (;;);
  });
  expect(outcomes).toEqual(['OPERATOR_HUNG', 'OPERATOR_HUNG']);
  expect(deadLetters).toEqual([
    expect.stringMatching(/^PROCESSOR_FAILED: .* return within 0.25 s/),
  ]);
  expect(totals).toEqual({ [`${AT}|plain`]: { clicks: 2, nth: 1 + 2 } });
  expect(counts).toMatchObject({ received: 3, contributed: 2, dead_lettered: 1 });
});

test('a regular expression that tries for ever is a hang like any other', async () => {
  const { counts, outcomes } = await run(() => {
    /^(?:a+)+$/.test(`${'a'.repeat(60)}!`);
  });
  expect(outcomes).toEqual(['OPERATOR_HUNG', 'OPERATOR_HUNG']);
  expect(counts).toMatchObject({ contributed: 2, dead_lettered: 1 });
});

test('a record on which an operator stood still once, as on a machine that slept, counts once', async () => {
  let isFirst = true;
  const { totals, counts, outcomes } = await run(() => {
    if (!isFirst) return;
    isFirst = false;
    for (;;);
  });
  expect(outcomes).toEqual(['OPERATOR_HUNG']);
  expect(totals).toEqual({
    [`${AT}|plain`]: { clicks: 2, nth: 1 + 3 },
    [`${AT}|odd`]: { clicks: 1, nth: 2 },
  });
  expect(counts).toMatchObject({ received: 3, contributed: 3, dead_lettered: 0 });
});

test('work that returns is not ended, and what it throws comes through', () => {
  const watchdog = new Watchdog();
  let done = 0;
  expect(watchdog.ends(() => (done += 1), LIMIT_MS)).toBe(true);
  expect(done).toBe(1);
  const failure = new Error('cannot');
  const fail = (): void => {
    throw failure;
  };
  expect(() => watchdog.ends(fail, LIMIT_MS)).toThrow(failure);
});
