import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Click } from '../../schemas/events/click.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { buildBotsConfig } from '../../test/doubles/bots.ts';
import { DAY_ZERO_MS, buildClick, buildOrder } from '../../test/laws/event-builders.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createJudge } from './operator.ts';
import { BOT_STANDINGS, BOT_VERDICTS } from './row.ts';
import { DEFAULT_WEIGHTS, featuresIn, rhythmOf, scoreOf, variationOf } from './score.ts';
import { featuresOf, insert, joined, packSession, sessionOf, unpackSession } from './session.ts';
import { stepOf } from './step.ts';
import { ownerOf } from './tier-one.ts';

const CONFIG = buildBotsConfig({
  lists: {
    ...buildBotsConfig().lists,
    network: (network) => (network === 'dc' ? { kind: 'data_centre' } : undefined),
  },
  appSources: ['app'],
});

// definitions.md §4
test.each([
  [[], 5],
  [['data_centre'], 14],
  [['data_centre', 'no_beacon'], 43],
  [['data_centre', 'no_beacon', 'regular'], 77],
  [['data_centre', 'no_beacon', 'regular', 'fast'], 94],
] as const)('%j scores %i', (features, score) => {
  expect(scoreOf(features, DEFAULT_WEIGHTS)).toBe(score);
});

test('gaps of 10, 10, 10, 11, 10, 10, 9, 10 vary by .05: regular, and too few for a metronome', () => {
  const gaps = [10, 10, 10, 11, 10, 10, 9, 10];
  expect(variationOf(gaps)).toBeCloseTo(0.05, 9);
  expect(featuresIn(rhythmOf(gaps))).toEqual(['regular']);
  expect(featuresIn(rhythmOf(gaps.slice(1)))).toEqual([]);
  expect(featuresIn(rhythmOf([...gaps, 10, 10]))).toEqual(['regular', 'metronome']);
  expect(featuresIn(rhythmOf([5, 10, 15, 10, 5, 20, 9, 10]))).toEqual([]);
  expect(featuresIn(rhythmOf(Array.from({ length: 12 }, () => 0)))).toEqual([]);
});

const NO_PAST = { delivered: [], heldMs: 0 };

/** The features of one session of clicks `gapMs` apart, the fields in turn. */
function shown(fields: readonly Partial<Click>[], gapMs = 7_000): readonly string[] {
  const steps = fields.flatMap((each, index) => {
    const irregularMs = gapMs + (index % 2) * gapMs * 0.4;
    const click = buildClick({ occurred_at: DAY_ZERO_MS + index * irregularMs, ...each });
    return stepOf(click, { verdict: undefined, owner: ownerOf(click, CONFIG) }, CONFIG) ?? [];
  });
  return featuresIn(featuresOf(steps.map(sessionOf).reduce(joined), NO_PAST));
}

const PERSON = [
  { referrer: 'https://search.example/', kind: 'click' },
  { kind: 'beacon' },
  { kind: 'page_view', url: '/site.css' },
  { kind: 'page_view', url: '/p/1?x=y.css' },
] as const;

test.each<[string, readonly Partial<Click>[], readonly string[]]>([
  ['nothing of a person', PERSON, []],
  ['no_beacon', PERSON.filter(({ kind }) => kind !== 'beacon'), ['no_beacon']],
  [
    'nothing of a script that a log cannot know',
    PERSON.map((each) => ({ ...each, source: 'access-log' })),
    [],
  ],
  [
    'no_assets',
    PERSON.filter((each) => !('url' in each) || each.url !== '/site.css'),
    ['no_assets'],
  ],
  ['robots', [...PERSON, { url: 'https://shop.example/robots.txt' }], ['robots']],
  ['data_centre', [...PERSON, { network: 'dc' }], ['data_centre']],
  ['signed_in', [...PERSON, { signed_in: true }], ['signed_in']],
  ['pointer', [...PERSON, { kind: 'beacon', pointer: true }], ['pointer']],
  ['one_hit', [{ url: '/' }], ['no_beacon', 'no_assets', 'one_hit']],
  ['no one_hit with a referrer', [{ referrer: 'https://a.example/' }], ['no_beacon', 'no_assets']],
  ['nothing of an app', [{ source: 'app' }, { source: 'app' }], []],
  ['nothing of a server', [{ server_side: true }, { server_side: true }], []],
])('a session shows %s', (_, fields, features) => {
  expect(shown(fields)).toEqual(features);
});

test('more than 60 requests in a minute are fast, 60 are not', () => {
  const hits = (count: number, gapMs: number): readonly string[] =>
    shown([...PERSON, ...Array.from({ length: count }, () => ({}))], gapMs);
  expect(hits(100, 500)).toEqual(['fast']);
  expect(hits(55, 500)).toEqual([]);
  expect(hits(100, 1_300)).toEqual([]);
});

test('twelve requests ten seconds apart are a metronome', () => {
  const steps = Array.from({ length: 11 }, (_, index) => {
    const click = buildClick({ occurred_at: DAY_ZERO_MS + index * 10 * SECOND_MS });
    return sessionOf({ timeMs: click.occurred_at, isRequest: true, flags: 0 });
  });
  expect(featuresIn(featuresOf(steps.reduce(joined), NO_PAST))).toEqual([
    'no_beacon',
    'no_assets',
    'regular',
    'metronome',
  ]);
});

test('a session is the same whatever the order of its clicks, and after it was packed', () => {
  const anyClicks = fc.array(
    fc.record({
      timeMs: fc.nat({ max: 20 * MINUTE_MS }).map((offset) => DAY_ZERO_MS + offset),
      isRequest: fc.boolean(),
      flags: fc.constantFrom(0, 0, 1, 8),
    }),
    { minLength: 1, maxLength: 90 },
  );
  fc.assert(
    fc.property(anyClicks, fc.infiniteStream(fc.nat()), (steps, ranks) => {
      const shuffled = steps
        .map((step) => ({ step, rank: ranks.next().value ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ step }) => sessionOf(step));
      const whole = steps.map(sessionOf).reduce(joined);
      expect(shuffled.reduce(joined)).toEqual(whole);
      const [first = [], ...others] = shuffled;
      const grown = [...first];
      for (const [timeMs = 0, , count, flags = 0] of others) {
        insert(grown, { timeMs, isRequest: count === 1, flags });
      }
      expect(grown).toEqual(whole);
      expect(unpackSession(packSession(whole))).toEqual(whole);
    }),
  );
});

function visiting(...clicks: readonly Partial<Click>[]): Run {
  const run = new Run([createJudge(CONFIG)]);
  clicks.forEach((fields, index) => {
    const click = { event_id: `c${index}`, occurred_at: DAY_ZERO_MS + index * 10 * SECOND_MS };
    run.apply({ topic: 'weir.clicks', event: buildClick({ ...click, ...fields }) });
  });
  return run;
}

test.each([
  [59, []],
  [60, ['suspect']],
  [89, ['suspect']],
  [90, ['bot']],
] as const)('a score of %i makes %j', (score, states) => {
  const none = Object.fromEntries(Object.keys(DEFAULT_WEIGHTS).map((name) => [name, 0]));
  const weights = { ...DEFAULT_WEIGHTS, ...none, base: Math.log(score / (100 - score)) };
  const run = new Run([createJudge({ ...CONFIG, weights })]);
  run.apply({ topic: 'weir.clicks', event: buildClick({ occurred_at: DAY_ZERO_MS }) });
  const trail = run.output.facts.get(BOT_VERDICTS.name) ?? [];
  expect(trail.map((row) => [row[3], row[9]])).toEqual(states.map((state) => [state, score]));
});

const METRONOME = Array.from({ length: 11 }, () => ({ referrer: 'https://a.example/' }));

function verdicts(run: Run): readonly string[] {
  return (run.output.facts.get(BOT_VERDICTS.name) ?? []).map(
    (row) => `${row[2]} → ${row[3]} ${row[5]} ${row[9]} ${row[10]}`,
  );
}

test('behaviour makes a visitor suspect, then a bot, and the verdict says what it showed', () => {
  expect(verdicts(visiting(...METRONOME))).toEqual([
    'human → suspect behaviour 73 no_beacon no_assets regular',
    'suspect → bot behaviour 92 no_beacon no_assets regular metronome',
  ]);
});

test('a suspect is counted: the verdict covers the minutes of the visit and withdraws nothing', () => {
  const rows = [...(visiting(...METRONOME.slice(2)).output.rows.get(BOT_STANDINGS.name) ?? [])];
  expect(rows.map(([, row]) => row)).toEqual([
    ['v1', DAY_ZERO_MS, DAY_ZERO_MS + 2 * MINUTE_MS, 0, 'behaviour', false],
  ]);
});

test('a script that reports late, or a delivered order, gives everything back', () => {
  const run = visiting(...METRONOME, { kind: 'beacon' });
  expect(verdicts(run).at(-1)).toBe('bot → suspect behaviour 73 no_assets regular metronome');
  const delivered = visiting(...METRONOME);
  const order = buildOrder({ status: 'delivered', occurred_at: DAY_ZERO_MS - DAY_MS });
  delivered.apply({ topic: 'weir.orders', event: order });
  expect(verdicts(delivered).at(-1)).toMatch(/^bot → human/);
});

test('what happens in a visit by orders does not change its score', () => {
  const run = visiting(...METRONOME);
  const count = verdicts(run).length;
  for (const status of ['placed', 'delivered'] as const) {
    const order = buildOrder({ event_id: status, status, occurred_at: DAY_ZERO_MS + MINUTE_MS });
    run.apply({ topic: 'weir.orders', event: order });
  }
  expect(verdicts(run).length).toBe(count);
});
