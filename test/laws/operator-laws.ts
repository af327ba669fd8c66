import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Operator } from '../../processors/engine/operator/operator.ts';
import type { RowsTable, SumsTable, Value } from '../../processors/engine/operator/table.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import type { CollectingOutput } from '../doubles/collecting-output.ts';
import { type LawEvent, changed } from './law-event.ts';
import { Run } from './law-run.ts';

/** The final rows: table → key (window start or key columns, joined with `|`) → what is not zero. */
export interface Results {
  readonly sums: Readonly<
    Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>
  >;
  readonly rows: Readonly<Record<string, Readonly<Record<string, readonly Value[]>>>>;
}

export interface OperatorLaws {
  /** What the tests are called after: the processor's name. */
  readonly name: string;
  /** One stage's operators, or several stages' when `forward` is not part of the result. */
  readonly operators: readonly Operator[];
  /**
   * Lists of events for one or more keys, with distinct event ids, in no particular order. Make
   * collisions likely: few keys, few channels, equal times, gaps exactly at the limits.
   */
  readonly events: fc.Arbitrary<readonly LawEvent[]>;
  /** The final rows by a batch computation that shares no code with the operators. */
  readonly oracle: (events: readonly LawEvent[]) => Results;
  readonly sumsTables: readonly SumsTable[];
  readonly rowsTables?: readonly RowsTable[];
  /** Sums that may be below zero, such as a margin or a correction of money. All others never are. */
  readonly signedSums?: readonly string[];
  /** Most bytes that `stateBytes` may report for one key after any of these lists. */
  readonly stateBytesMax: number;
  /**
   * Longest time from a key's newest event to its expiry; `'never'` when the state is kept for good.
   */
  readonly expiresAfterMsMax: number | 'never';
  /** How far behind the watermark an event may still arrive: what the operators were configured with. */
  readonly allowedLatenessMs: number;
  /**
   * The same event later, as a new fact that the old state has no say in; by default its time and
   * id change. Give your own when events refer to earlier ones, as a return refers to its order.
   */
  readonly shift?: (event: LawEvent, byMs: number) => LawEvent;
  /**
   * Laws of the form "after `more` the result is that of `sameAs`", for example a retraction
   * (`sameAs` gives what remains) or a retraction and its undoing (`sameAs` gives the list itself).
   */
  readonly equivalences?: readonly {
    readonly name: string;
    readonly more: (events: readonly LawEvent[]) => readonly LawEvent[];
    readonly sameAs: (events: readonly LawEvent[]) => readonly LawEvent[];
  }[];
}

/** How far the watermark trails the newest event, at most, while the laws are tested. */
const OUT_OF_ORDERNESS_MS = MINUTE_MS;
/** Longest list whose every permutation can be drawn; longer lists repeat the drawn ranks. */
const RANKS_MAX = 64;

/**
 * Registers one test per law of an operator. A processor's test calls it once:
 *
 * ```ts
 * describeOperatorLaws({
 *   name: 'traffic',
 *   operators: createTraffic(config).operators,
 *   events: fc.array(anyClick).map(withDistinctIds),
 *   oracle: (events) => trafficByBruteForce(events, config),
 *   sumsTables: [CHANNEL_1M],
 *   stateBytesMax: 10_000,
 *   expiresAfterMsMax: 90 * DAY_MS,
 *   allowedLatenessMs: DAY_MS,
 * });
 * ```
 *
 * The laws: **oracle** (final rows equal the batch computation), **order** (any permutation, the same
 * rows), **restart** (storing and restoring the state after every event changes nothing),
 * **balance** (after every event no sum is negative, `signedSums` aside), **bounds** (state size and
 * expiry; dropping expired state changes nothing), and one test per entry of `equivalences`.
 * Batching, partitioning and duplicates are laws of the node that hosts operators: see `node-laws.ts`.
 *
 * `RUNS` sets the number of lists per law (default 100), `SEED` repeats a failure that was printed.
 */
export function describeOperatorLaws(laws: OperatorLaws): void {
  const ranks = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: RANKS_MAX });

  test(`${laws.name}: the final rows equal a batch computation over the events`, () => {
    check(
      fc.property(laws.events, (events) => {
        expect(resultsOf(laws, run(laws, events).output)).toEqual(laws.oracle(events));
      }),
    );
  });

  test(`${laws.name}: any order of arrival gives the same rows`, () => {
    check(
      fc.property(laws.events, ranks, (events, order) => {
        const asGiven = resultsOf(laws, run(laws, events).output);
        expect(resultsOf(laws, run(laws, inOrderOf(events, order)).output)).toEqual(asGiven);
      }),
    );
  });

  test(`${laws.name}: storing and restoring the state between any two events changes nothing`, () => {
    check(
      fc.property(laws.events, (events) => {
        const restarted = new Run(laws.operators);
        for (const { event, watermarkMs } of withWatermarks(laws, events)) {
          restarted.apply(event, watermarkMs);
          restarted.restart();
        }
        restarted.finish();
        const uninterrupted = run(laws, events);
        expect(resultsOf(laws, restarted.output)).toEqual(resultsOf(laws, uninterrupted.output));
      }),
    );
  });

  test(`${laws.name}: no sum of a count is ever negative`, () => {
    check(
      fc.property(laws.events, ranks, (events, order) => {
        const current = new Run(laws.operators);
        for (const { event, watermarkMs } of withWatermarks(laws, inOrderOf(events, order))) {
          current.apply(event, watermarkMs);
          expect(negativeSums(laws, current.output)).toEqual([]);
        }
      }),
    );
  });

  testBounds(laws);

  for (const { name, more, sameAs } of laws.equivalences ?? []) {
    test(`${laws.name}: ${name}`, () => {
      check(
        fc.property(laws.events, (events) => {
          const actual = run(laws, [...events, ...more(events)]);
          const expected = run(laws, sameAs(events));
          expect(resultsOf(laws, actual.output)).toEqual(resultsOf(laws, expected.output));
        }),
      );
    });
  }
}

function testBounds(laws: OperatorLaws): void {
  test(`${laws.name}: the state of a key stays small and names its end`, () => {
    check(
      fc.property(laws.events, (events) => {
        const { states, newestMs } = run(laws, events);
        for (const { operator, state } of states) {
          expect(operator.stateBytes(state)).toBeLessThanOrEqual(laws.stateBytesMax);
          const quietMs = operator.expiresAtMs(state) - newestMs;
          expect(
            laws.expiresAfterMsMax === 'never'
              ? quietMs === Number.POSITIVE_INFINITY
              : quietMs <= laws.expiresAfterMsMax,
          ).toBe(true);
        }
      }),
    );
  });

  test.skipIf(laws.expiresAfterMsMax === 'never')(
    `${laws.name}: dropping expired state changes nothing`,
    () => {
      check(
        fc.property(laws.events, laws.events, (events, more) => {
          fc.pre(events.length > 0 && more.length > 0);
          const kept = run(laws, events);
          const dropped = run(laws, events);
          const expiresAtMs = Math.max(
            ...dropped.states.map(({ operator, state }) => operator.expiresAtMs(state)),
          );
          dropped.dropStates();
          // The oldest minute that a task whose watermark has reached the expiry still accepts.
          const fromMs = Number.isFinite(expiresAtMs)
            ? startOfMinute(expiresAtMs - laws.allowedLatenessMs)
            : kept.newestMs;
          for (const event of more) {
            const later = (laws.shift ?? shifted)(event, fromMs - oldestMsOf(more));
            kept.apply(later);
            dropped.apply(later);
          }
          kept.finish();
          dropped.finish();
          expect(resultsOf(laws, dropped.output)).toEqual(resultsOf(laws, kept.output));
        }),
      );
    },
  );
}

function run(laws: OperatorLaws, events: readonly LawEvent[]): Run {
  const current = new Run(laws.operators);
  for (const { event, watermarkMs } of withWatermarks(laws, events)) {
    current.apply(event, watermarkMs);
  }
  current.finish();
  return current;
}

/** Each event with the highest watermark that a task may have and still accept all that follow. */
function withWatermarks(
  laws: OperatorLaws,
  events: readonly LawEvent[],
): readonly { readonly event: LawEvent; readonly watermarkMs: number }[] {
  const ceilings: number[] = [];
  let ceilingMs = Number.POSITIVE_INFINITY;
  for (const { event } of events.toReversed()) {
    const acceptedUntilMs = startOfMinute(event.occurred_at) + MINUTE_MS + laws.allowedLatenessMs;
    ceilingMs = Math.min(ceilingMs, acceptedUntilMs - 1);
    ceilings.push(ceilingMs);
  }
  ceilings.reverse();
  let newestMs = Number.NEGATIVE_INFINITY;
  return events.map((event, index) => {
    const watermarkMs = Math.min(newestMs - OUT_OF_ORDERNESS_MS, ceilings[index] ?? 0);
    newestMs = Math.max(newestMs, event.event.occurred_at);
    return { event, watermarkMs };
  });
}

function startOfMinute(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}

/** The final rows that `output` has collected, for the tables of `laws`. */
function resultsOf(laws: OperatorLaws, output: CollectingOutput): Results {
  return {
    sums: Object.fromEntries(
      laws.sumsTables.map((table) => [table.name, output.nonZeroSums(table)]),
    ),
    rows: Object.fromEntries(
      (laws.rowsTables ?? []).map((table) => [
        table.name,
        Object.fromEntries(
          [...(output.rows.get(table.name) ?? [])].filter(([, row]) => !isWithdrawnRow(table, row)),
        ),
      ]),
    ),
  };
}

/** Whether views leave the row out, because what it told turned out not to be so. */
function isWithdrawnRow({ columns }: RowsTable, row: readonly Value[]): boolean {
  return row[columns.findIndex(({ name }) => name === 'withdrawn')] === true;
}

function negativeSums(laws: OperatorLaws, output: CollectingOutput): string[] {
  const negative: string[] = [];
  for (const table of laws.sumsTables) {
    const isSigned = table.sums.map((name) => laws.signedSums?.includes(name) ?? false);
    for (const [key, sums] of output.sums.get(table.name) ?? []) {
      sums.forEach((sum, index) => {
        if (sum < 0 && isSigned[index] !== true) {
          negative.push(`${table.name} ${key} ${table.sums[index]} = ${sum}`);
        }
      });
    }
  }
  return negative;
}

function inOrderOf(events: readonly LawEvent[], ranks: readonly number[]): readonly LawEvent[] {
  return events
    .map((event, index) => ({ event, rank: ranks[index % ranks.length] ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ event }) => event);
}

function oldestMsOf(events: readonly LawEvent[]): number {
  return Math.min(...events.map(({ event }) => event.occurred_at));
}

function shifted(lawEvent: LawEvent, byMs: number): LawEvent {
  const { occurred_at: timeMs, event_id: id } = lawEvent.event;
  return changed(lawEvent, { occurred_at: timeMs + byMs, event_id: `${id}+` });
}

function check<Arguments>(property: fc.IProperty<Arguments>): void {
  const seed = process.env['SEED'];
  fc.assert(property, {
    numRuns: Number(process.env['RUNS'] ?? 100),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}
