import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Click } from '../../schemas/events/click.ts';
import { visitorToken } from '../../schemas/ids.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { CRAWLER_AGENT, buildBotsConfig } from '../../test/doubles/bots.ts';
import { DAY_ZERO_MS, buildClick } from '../../test/laws/event-builders.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { createBots } from './processor.ts';
import { BOT_STANDINGS } from './row.ts';

const CONFIG = buildBotsConfig({ addressVisitors: 4, appSources: ['app'] });

/** Applies clicks and whatever the stages tell each other, every event once. */
function running(clicks: readonly Partial<Click>[]): Run {
  const run = new Run(createBots(CONFIG).operators);
  const seen = new Set<string>();
  clicks.forEach((fields, index) => {
    const click = {
      event_id: `c${index}`,
      occurred_at: DAY_ZERO_MS + index * 5 * SECOND_MS,
      visitor_id: visitorToken(`v${index}`),
      ip: 'address',
      ...fields,
    };
    run.apply({ topic: 'weir.clicks', event: buildClick(click) });
    for (;;) {
      const next = run.output.forwarded.find(({ event }) => !seen.has(event.event_id));
      if (next === undefined) break;
      seen.add(next.event.event_id);
      if (next.topic === 'weir.internal.address' && 'address' in next.event) {
        run.apply({ topic: next.topic, event: next.event });
      } else if (next.topic === 'weir.internal.visitor' && 'revision' in next.event) {
        run.apply({ topic: next.topic, event: next.event });
      }
    }
  });
  return run;
}

/** Visitors that are withdrawn for their address. */
function withdrawn(clicks: readonly Partial<Click>[]): readonly string[] {
  return [...(running(clicks).output.rows.get(BOT_STANDINGS.name)?.values() ?? [])]
    .filter((row) => row[3] !== 0 && row[5] === false)
    .map((row) => String(row[0]))
    .toSorted();
}

const HIT: Partial<Click> = { kind: 'click' };

test('a client that takes a new id at every click is withdrawn whole, from its fourth click on', () => {
  expect(withdrawn([HIT, HIT, HIT])).toEqual([]);
  expect(withdrawn([HIT, HIT, HIT, HIT])).toEqual(['v0', 'v1', 'v2', 'v3']);
  expect(withdrawn([HIT, HIT, HIT, HIT, HIT])).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
});

test('windows of half an hour slide by ten minutes', () => {
  const at = (minute: number): Partial<Click> => ({
    occurred_at: DAY_ZERO_MS + minute * MINUTE_MS,
  });
  expect(withdrawn([at(5), at(12), at(20), at(29)])).toEqual(['v0', 'v1', 'v2', 'v3']);
  expect(withdrawn([at(5), at(12), at(20), at(31)])).toEqual([]);
  expect(withdrawn([at(29), at(5), at(20), at(12)])).toEqual(['v0', 'v1', 'v2', 'v3']);
});

test('people behind one address stay: a script reports, somebody is signed in, or looks around', () => {
  const again = (index: number): Partial<Click> => ({ visitor_id: visitorToken(`v${index}`) });
  const clicks = [
    HIT,
    { signed_in: true },
    HIT,
    HIT,
    { ...again(0), kind: 'beacon' },
    again(2),
    again(2),
  ] as const;
  expect(withdrawn(clicks)).toEqual(['v3']);
});

test('other addresses, apps, and clients that lists name already are not counted', () => {
  expect(withdrawn([HIT, HIT, HIT, { ip: 'elsewhere' }])).toEqual([]);
  expect(withdrawn([HIT, HIT, HIT, { ip: null }])).toEqual([]);
  expect(withdrawn([HIT, HIT, HIT, { source: 'app' }])).toEqual([]);
  expect(withdrawn([HIT, HIT, HIT, { agent: CRAWLER_AGENT }])).toEqual(['v3']);
});

test('what addresses show does not depend on the order of arrival', () => {
  const anyClicks = fc.array(
    fc.record({
      occurred_at: fc.nat({ max: 60 }).map((minute) => DAY_ZERO_MS + minute * MINUTE_MS),
      visitor_id: fc.nat({ max: 7 }).map((index) => visitorToken(`v${index}`)),
      ip: fc.constantFrom('a', 'b'),
      kind: fc.constantFrom('click', 'page_view', 'page_view', 'beacon'),
    }),
    { maxLength: 25 },
  );
  fc.assert(
    fc.property(anyClicks, fc.infiniteStream(fc.nat()), (clicks, ranks) => {
      const numbered = clicks.map((click, index) => ({ ...click, event_id: `e${index}` }));
      const shuffled = numbered
        .map((click) => ({ click, rank: ranks.next().value ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ click }) => click);
      expect(withdrawn(shuffled)).toEqual(withdrawn(numbered));
    }),
  );
});

test('an address with a single visitor takes less than 100 bytes, one with a crowd stays bounded', () => {
  const operator = createBots(CONFIG).operators.find(({ stage }) => stage === 'address');
  const bytesOf = (count: number): number => {
    const run = running(Array.from({ length: count }, () => HIT));
    const state = run.states.find((each) => each.operator.name === 'addresses')?.state;
    return operator?.stateBytes(state) ?? 0;
  };
  expect(bytesOf(1)).toBeLessThanOrEqual(150);
  expect(bytesOf(500)).toBeLessThanOrEqual(500);
});

test('neither a visitor nor an address is told of twice', () => {
  const twice: readonly LawEvent['topic'][] = running([
    HIT,
    HIT,
    HIT,
    HIT,
    HIT,
  ]).output.forwarded.map(({ topic }) => topic);
  expect(twice.filter((topic) => topic === 'weir.internal.address').length).toBe(5);
  expect(twice.filter((topic) => topic === 'weir.internal.visitor').length).toBe(5);
});
