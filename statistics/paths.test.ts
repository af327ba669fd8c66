import fc from 'fast-check';
import { expect, test } from 'vitest';

import { markovCredit } from './markov.ts';
import { CONVERSION, type ChannelSet, NULL, START, type Transition } from './path-counts.ts';
import { shapleyRate } from './shapley-rate.ts';

/** Paths of one form: channels, how many converted, how many did not, and what each conversion was worth. */
type Path = readonly [channels: string, conversions: number, nulls: number, valueMinor?: number];

/** The worked example of definitions.md §3. */
const EXAMPLE: readonly Path[] = [
  ['A>B>C', 10, 0],
  ['A>C', 5, 15],
  ['B', 5, 20],
  ['C', 0, 25],
  ['A>B', 4, 16],
];

function transitionsOf(paths: readonly Path[]): readonly Transition[] {
  return paths.flatMap(([channels, conversions, nulls, valueMinor = 0]) => {
    const states = [START, ...channels.split('>')];
    const steps = states.slice(1).map((to, index) => ({
      from: states[index] ?? '',
      to,
      count: conversions + nulls,
      valueMinor: 0,
    }));
    const from = states.at(-1) ?? '';
    return [
      ...steps,
      { from, to: CONVERSION, count: conversions, valueMinor: conversions * valueMinor },
      { from, to: NULL, count: nulls, valueMinor: 0 },
    ];
  });
}

function setsOf(paths: readonly Path[]): readonly ChannelSet[] {
  return paths.map(([channels, conversions, nulls]) => ({
    channels: [...new Set(channels.split('>'))],
    conversions,
    nulls,
  }));
}

function byChannel<Of extends { readonly channel: string }>(
  channels: readonly Of[],
  field: keyof Of,
): Record<string, unknown> {
  return Object.fromEntries(channels.map((each) => [each.channel, each[field]]));
}

test('the worked example of markov: what is reached, removal effects and credit', () => {
  const { reached, channels } = markovCredit(transitionsOf(EXAMPLE), 'conversions');
  expect(reached).toBeCloseTo(0.24, 12);
  expect(byChannel(channels, 'removalEffect')).toEqual({
    A: expect.closeTo(0.4938016529, 10),
    B: expect.closeTo(0.4886363636, 10),
    C: expect.closeTo(0.625, 12),
  });
  expect(byChannel(channels, 'credit')).toEqual({
    A: expect.closeTo(7.3727506, 7),
    B: expect.closeTo(7.2956298, 7),
    C: expect.closeTo(9.3316195, 7),
  });
});

test('the worked example of shapley_rate: shares, and the sets that no path had', () => {
  const { channels, unseenSets } = shapleyRate(setsOf(EXAMPLE));
  expect(byChannel(channels, 'share')).toEqual({
    A: expect.closeTo(0.375, 12),
    B: expect.closeTo(0.35, 12),
    C: expect.closeTo(0.275, 12),
  });
  expect(unseenSets).toBe(2);
});

test('by value the same chain hands out what the conversions were worth', () => {
  const paths: readonly Path[] = [
    ['A', 1, 1, 300],
    ['B', 1, 1, 100],
  ];
  const { reached, channels } = markovCredit(transitionsOf(paths), 'value');
  expect(reached).toBeCloseTo(100, 12);
  expect(byChannel(channels, 'credit')).toEqual({
    A: expect.closeTo(300, 9),
    B: expect.closeTo(100, 9),
  });
});

test('a channel that no path used changes nothing, and gets nothing', () => {
  const unused = [
    { from: START, to: 'Z', count: 0, valueMinor: 0 },
    { from: 'Z', to: 'A', count: 0, valueMinor: 0 },
  ];
  const transitions = transitionsOf(EXAMPLE);
  const [without, withIt] = [transitions, [...transitions, ...unused]].map((counts) =>
    byChannel(markovCredit(counts, 'conversions').channels, 'credit'),
  );
  expect(withIt).toEqual({ ...without, Z: 0 });
  const sets = setsOf(EXAMPLE);
  const shares = shapleyRate([...sets, { channels: ['Z'], conversions: 0, nulls: 0 }]).channels;
  expect(shares).toEqual(shapleyRate(sets).channels);
});

test('without a path through every channel the values above zero are shared: they add up to nothing then', () => {
  // A 2/4, B 1/4, A and B never: both are worth half of their own rate less half of the other's.
  const { channels, unseenSets } = shapleyRate(
    setsOf([
      ['A', 2, 2],
      ['B', 1, 3],
    ]),
  );
  expect(byChannel(channels, 'share')).toEqual({ A: 1, B: 0 });
  expect(byChannel(channels, 'credit')).toEqual({ A: 3, B: 0 });
  expect(unseenSets).toBe(1);
});

test('shares of any paths add up to one, and credit to all conversions', () => {
  fc.assert(
    fc.property(anyPaths, (drawn) => {
      const { channels } = shapleyRate(
        setsOf(drawn.map(([path, won, lost]) => [path.join('>'), won, lost] as const)),
      );
      const won = drawn.reduce((sum, [, conversions]) => sum + conversions, 0);
      const credits = channels.map(({ credit }) => credit);
      fc.pre(won > 0);
      expect(credits.reduce((sum, credit) => sum + credit, 0)).toBeCloseTo(won, 6);
      const [share = 0] = channels.map((channel) => Math.abs(channel.share));
      expect(share).toBeLessThan(1e3);
    }),
  );
});

const anyPaths = fc.array(
  fc.tuple(
    fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 5 }),
    fc.nat({ max: 9 }),
    fc.nat({ max: 9 }),
  ),
  { minLength: 1, maxLength: 12 },
);

test('what the chain reaches is the share of paths that convert, and credit adds up to all of them', () => {
  fc.assert(
    fc.property(anyPaths, (drawn) => {
      const paths = drawn.map(([channels, won, lost]) => [channels.join('>'), won, lost] as const);
      const won = paths.reduce((sum, [, conversions]) => sum + conversions, 0);
      const all = paths.reduce((sum, [, conversions, nulls]) => sum + conversions + nulls, 0);
      fc.pre(won > 0);
      const { reached, channels } = markovCredit(transitionsOf(paths), 'conversions');
      expect(reached).toBeCloseTo(won / all, 10);
      expect(channels.reduce((sum, { credit }) => sum + credit, 0)).toBeCloseTo(won, 8);
    }),
  );
});

test('steps from a channel to itself leave every credit as it is', () => {
  fc.assert(
    fc.property(anyPaths, (drawn) => {
      const repeated = drawn.map(
        ([channels, won, lost]) => [channels.join('>'), won, lost] as const,
      );
      const collapsed = drawn.map(
        ([channels, won, lost]) =>
          [
            channels.filter((channel, index) => channel !== channels[index - 1]).join('>'),
            won,
            lost,
          ] as const,
      );
      const credits = [repeated, collapsed].map((paths) =>
        markovCredit(transitionsOf(paths), 'conversions').channels.map(({ credit }) => credit),
      );
      for (const [index, credit] of (credits[0] ?? []).entries()) {
        expect(credit).toBeCloseTo(credits[1]?.[index] ?? Number.NaN, 8);
      }
    }),
  );
});

test('twelve channels are solved within five milliseconds by either model', () => {
  const names = Array.from({ length: 12 }, (_, index) => `channel ${index}`);
  const paths = Array.from({ length: 4_000 }, (_, index): Path => {
    const channels = names.filter((_name, at) => ((index * 2_654_435_761) >>> at) % 2 === 1);
    return [(channels.length === 0 ? names.slice(0, 1) : channels).join('>'), index % 3, index % 7];
  });
  const transitions = merged(transitionsOf(paths));
  const sets = setsOf(paths);
  for (const solve of [() => markovCredit(transitions, 'conversions'), () => shapleyRate(sets)]) {
    const times = Array.from({ length: 21 }, () => {
      const startedAt = performance.now();
      solve();
      return performance.now() - startedAt;
    });
    // The fastest run: others share the machine.
    expect(Math.min(...times)).toBeLessThan(5);
  }
});

/** One transition per pair of states, as they are counted. */
function merged(transitions: readonly Transition[]): readonly Transition[] {
  const counts = new Map<string, Transition>();
  for (const { from, to, count } of transitions) {
    const key = `${from}|${to}`;
    counts.set(key, { from, to, count: (counts.get(key)?.count ?? 0) + count, valueMinor: 0 });
  }
  return [...counts.values()];
}
