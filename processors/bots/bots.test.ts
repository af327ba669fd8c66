import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Click } from '../../schemas/events/click.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { DAY_MS, HOUR_MS } from '../../schemas/time.ts';
import { CRAWLER_AGENT, buildBotsConfig } from '../../test/doubles/bots.ts';
import { buildVerdict } from '../../test/doubles/scripted-judge.ts';
import { DAY_ZERO_MS, buildClick } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { type Results, describeOperatorLaws } from '../../test/laws/operator-laws.ts';
import type { RuledClient } from './config.ts';
import { createJudge } from './operator.ts';
import { REASONS, TIER_OF_REASON } from './reason.ts';
import { BOT_STANDINGS, BOT_VERDICTS } from './row.ts';
import { ownerOf, tierOne } from './tier-one.ts';

const LISTS = {
  version: 'test',
  agent: (form: string) =>
    form === CRAWLER_AGENT
      ? ('agent_isbot' as const)
      : form === 'Teapot'
        ? ('not_a_browser' as const)
        : undefined,
  network: (network: string) =>
    network === 'dc'
      ? ({ kind: 'data_centre' } as const)
      : network === 'own'
        ? ({ kind: 'crawler', name: 'crawler' } as const)
        : undefined,
  rule: ({ source }: RuledClient) =>
    source === 'friend' ? ('allow' as const) : source === 'foe' ? ('deny' as const) : undefined,
};
const CONFIG = buildBotsConfig({
  lists: LISTS,
  appSources: ['app'],
  reachMs: 2 * DAY_MS,
  heldMs: 3 * DAY_MS,
});

test.each<[string, Partial<Click>, string | undefined]>([
  ['a person', { agent: 'Mozilla/0.0' }, undefined],
  ['an allow rule, before everything', { source: 'friend', agent: CRAWLER_AGENT }, 'allow'],
  ['a deny rule, before lists', { source: 'foe', agent: CRAWLER_AGENT }, 'deny_rule'],
  ['a crawler in its own network', { agent: CRAWLER_AGENT, network: 'own' }, 'verified_crawler'],
  ['a person in the network of a crawler', { agent: 'Mozilla/0.0', network: 'own' }, undefined],
  [
    'a listed agent, before the data centre',
    { agent: CRAWLER_AGENT, network: 'dc' },
    'agent_isbot',
  ],
  ['a data centre', { agent: 'Mozilla/0.0', network: 'dc' }, 'data_centre'],
  ['a signed-in person there', { agent: 'Mozilla/0.0', network: 'dc', signed_in: true }, undefined],
  ['a data centre, before a non-browser', { agent: 'Teapot', network: 'dc' }, 'data_centre'],
  ['a non-browser', { agent: 'Teapot', signed_in: true, network: 'dc' }, 'not_a_browser'],
  ['a prefetch', { agent: 'Mozilla/0.0', prefetch: true }, 'prefetch'],
  ['a server', { agent: CRAWLER_AGENT, network: 'dc', server_side: true }, undefined],
  ['an app', { agent: 'Teapot', network: 'dc', source: 'app' }, undefined],
  ['a prefetch of an app', { source: 'app', prefetch: true }, 'prefetch'],
])('tier 1 knows %s', (_, fields, verdict) => {
  const click = buildClick(fields);
  expect(tierOne(click, ownerOf(click, CONFIG), CONFIG)).toBe(verdict);
});

function judging(...events: readonly LawEvent[]): Run {
  const run = new Run([createJudge(CONFIG)]);
  for (const event of events) run.apply(event);
  return run;
}

function clickOf(day: number, fields: Partial<Click> = {}): LawEvent {
  const event_id = `${day} ${JSON.stringify(fields)}`;
  const occurred_at = DAY_ZERO_MS + day * DAY_MS + 10 * HOUR_MS;
  return { topic: 'weir.clicks', event: buildClick({ event_id, occurred_at, ...fields }) };
}

function actOf(kind: 'cleared' | 'confirmed', day: number, hour: number): LawEvent {
  const event = buildVerdict({
    event_id: `${kind} ${day} ${hour}`,
    occurred_at: DAY_ZERO_MS + 50 * DAY_MS + hour * HOUR_MS,
    about: DAY_ZERO_MS + day * DAY_MS,
    kind,
    actor: 'ann',
  });
  return { topic: 'weir.internal.visitor', event };
}

/** What is held of the visitors: days from, until, reason. */
function held(run: Run): readonly string[] {
  return [...(run.output.rows.get(BOT_STANDINGS.name)?.values() ?? [])]
    .filter((row) => row[5] === false)
    .map((row) => `${dayOf(row[1])}–${dayOf(row[2])} ${row[3]} ${row[4]}`);
}

function dayOf(value: unknown): number {
  return (Number(value) - DAY_ZERO_MS) / DAY_MS;
}

function transitions(run: Run): readonly string[] {
  return (run.output.facts.get(BOT_VERDICTS.name) ?? []).map(
    (row) => `${row[2]} → ${row[3]} ${row[5]}`,
  );
}

test('a verdict reaches back by whole days and holds for some', () => {
  const run = judging(clickOf(0), clickOf(5, { agent: CRAWLER_AGENT }));
  expect(held(run)).toEqual(['3–9 1 agent_isbot']);
  expect(transitions(run)).toEqual(['human → bot agent_isbot']);
});

test('evidence that follows in time goes on with the verdict, later evidence makes one of its own', () => {
  const crawler = { agent: CRAWLER_AGENT };
  expect(held(judging(clickOf(5, crawler), clickOf(10, crawler)))).toEqual(['3–14 1 agent_isbot']);
  expect(held(judging(clickOf(5, crawler), clickOf(12, crawler)))).toEqual([
    '3–9 1 agent_isbot',
    '10–16 1 agent_isbot',
  ]);
});

test('of several reasons the one that ranks first is named', () => {
  const run = judging(clickOf(5, { prefetch: true }), clickOf(6, { source: 'foe' }));
  expect(held(run)).toEqual(['3–10 1 deny_rule']);
  expect(transitions(run)).toEqual(['human → bot prefetch', 'bot → bot deny_rule']);
});

test('a person clears a verdict, and another confirms it again; the later decision holds', () => {
  const bot = clickOf(5, { agent: CRAWLER_AGENT });
  const cleared = judging(bot, actOf('cleared', 5, 1));
  expect(held(cleared)).toEqual([]);
  expect(transitions(cleared)).toEqual(['human → bot agent_isbot', 'bot → cleared ']);
  const [clears, confirms] = [actOf('cleared', 5, 1), actOf('confirmed', 5, 2)];
  expect(held(judging(bot, clears, confirms))).toEqual(['3–9 2 person']);
  expect(held(judging(confirms, clears, bot))).toEqual(['3–9 2 person']);
  expect(held(judging(clickOf(5), actOf('confirmed', 5, 1)))).toEqual(['3–9 2 person']);
});

test('a clearing holds as long as the verdict would have; new evidence after that counts', () => {
  const crawler = { agent: CRAWLER_AGENT };
  const run = judging(clickOf(5, crawler), actOf('cleared', 5, 1), clickOf(8, crawler));
  expect(held(run)).toEqual(['9–12 1 agent_isbot']);
});

test('what another stage takes back no longer holds, whatever comes first', () => {
  const mark = (kind: 'marked' | 'unmarked', revision: number): LawEvent => ({
    topic: 'weir.internal.visitor',
    event: buildVerdict({ event_id: `${kind}${revision}`, kind, revision }),
  });
  expect(held(judging(mark('marked', 1)))).toEqual(['-2–4 2 address']);
  expect(held(judging(mark('marked', 1), mark('unmarked', 2)))).toEqual([]);
  expect(held(judging(mark('unmarked', 2), mark('marked', 1)))).toEqual([]);
  expect(held(judging(mark('unmarked', 2), mark('marked', 3)))).toEqual(['-2–4 2 address']);
});

test('every reason has a tier', () => {
  expect(Object.keys(TIER_OF_REASON)).toEqual([...REASONS]);
});

const anyEvents: fc.Arbitrary<readonly LawEvent[]> = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .record({
            occurred_at: fc.nat({ max: 30 * 24 }).map((hours) => DAY_ZERO_MS + hours * HOUR_MS),
            visitor_id: fc.constantFrom('v1', 'v2').map((id) => visitorToken(id)),
            agent: fc.constantFrom('Mozilla/0.0', 'Mozilla/0.0', CRAWLER_AGENT, 'Teapot', null),
            network: fc.constantFrom('dc', 'own', null, null),
            source: fc.constantFrom('web', 'web', 'friend', 'foe', 'app'),
            prefetch: fc.constantFrom(null, true),
            signed_in: fc.constantFrom(null, true),
          })
          .map((fields): LawEvent => ({ topic: 'weir.clicks', event: buildClick(fields) })),
      },
      {
        weight: 1,
        arbitrary: fc
          .record({
            visitor_id: fc.constantFrom('v1', 'v2').map((id) => visitorToken(id)),
            kind: fc.constant('confirmed' as const),
            about: fc.nat({ max: 30 }).map((days) => DAY_ZERO_MS + days * DAY_MS),
          })
          .map((fields): LawEvent => ({
            topic: 'weir.internal.visitor',
            event: buildVerdict({ ...fields, occurred_at: fields.about }),
          })),
      },
    ),
    // So few that no visitor has more decisions than are kept.
    { maxLength: 12 },
  )
  .map((events) =>
    events.map((each, index): LawEvent => {
      const event_id = `e${index}`;
      if (each.topic === 'weir.clicks') {
        return { topic: each.topic, event: { ...each.event, event_id } };
      }
      if (each.topic === 'weir.internal.visitor') {
        return { topic: each.topic, event: { ...each.event, event_id } };
      }
      throw new RangeError(`no such event in these tests: ${each.topic}`);
    }),
  );

describeOperatorLaws({
  name: 'bots',
  operators: [createJudge(CONFIG)],
  events: anyEvents,
  oracle: standingsByDays,
  sumsTables: [],
  rowsTables: [BOT_STANDINGS],
  stateBytesMax: 2_000,
  expiresAfterMsMax: 10 * DAY_MS,
  allowedLatenessMs: CONFIG.allowedLatenessMs,
  shift: (each, byMs) => {
    const change = {
      event_id: `${each.event.event_id}+`,
      occurred_at: each.event.occurred_at + byMs,
    };
    if (each.topic === 'weir.clicks') {
      return { topic: each.topic, event: { ...each.event, ...change } };
    }
    if (each.topic !== 'weir.internal.visitor') throw new RangeError('no such event here');
    // A person decides about whole days; the time of day here keeps both on one.
    const about = Math.ceil((each.event.about + byMs) / DAY_MS) * DAY_MS;
    return { topic: each.topic, event: { ...each.event, ...change, about } };
  },
});

/** Paints every day that evidence covers, and reads the stretches off. */
function standingsByDays(events: readonly LawEvent[]): Results {
  const rows: Record<string, (string | number | boolean)[]> = {};
  for (const visitor of ['v1', 'v2']) {
    const painted = new Map<number, number>();
    for (const [day, place] of evidenceOf(events, visitor)) {
      for (let each = day - 2; each <= day + 3; each += 1) {
        painted.set(each, Math.min(place, painted.get(each) ?? REASONS.length));
      }
    }
    const days = [...painted.keys()].toSorted((a, b) => a - b);
    while (days.length > 0) {
      let length = 1;
      while (days[length] === (days[0] ?? 0) + length) length += 1;
      const stretch = days.splice(0, length);
      const reason = REASONS[Math.min(...stretch.map((day) => painted.get(day) ?? 0))];
      const [from, until] = [(stretch[0] ?? 0) * DAY_MS, ((stretch[0] ?? 0) + length) * DAY_MS];
      if (reason === undefined) throw new RangeError('no reason');
      rows[`${visitor}|${from}`] = [visitor, from, until, TIER_OF_REASON[reason], reason, false];
    }
  }
  return { sums: {}, rows: { [BOT_STANDINGS.name]: rows } };
}

function evidenceOf(events: readonly LawEvent[], visitor: string): readonly [number, number][] {
  return events.flatMap(({ topic, event }): [number, number][] => {
    if (topic === 'weir.internal.visitor' && event.visitor_id === visitor) {
      return [[event.about / DAY_MS, REASONS.indexOf('person')]];
    }
    if (topic !== 'weir.clicks' || event.visitor_id !== visitor) return [];
    const verdict = tierOne(event, ownerOf(event, CONFIG), CONFIG);
    if (verdict === undefined || verdict === 'allow') return [];
    return [[Math.floor(event.occurred_at / DAY_MS), REASONS.indexOf(verdict)]];
  });
}
