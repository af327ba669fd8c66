import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type ClusterRecord, MEMBERS_MAX, unite } from './clusters.ts';

type Link = readonly [from: string, into: string];

/** What each id is part of, after the links have come in this order. */
function survivorsAfter(links: readonly Link[]): Readonly<Record<string, string>> {
  const clusters = new Map<string, ClusterRecord>();
  const survivors = new Map<string, string>();
  for (const [from, into] of links) {
    const union = unite(clusters, from, into);
    if (union.kind !== 'merged') continue;
    for (const change of union.changes) {
      expect(survivors.get(change.id) ?? change.id).toBe(change.before);
      survivors.set(change.id, change.into);
    }
  }
  return Object.fromEntries([...survivors].filter(([id, into]) => id !== into));
}

/** The same by walking along the links from every id. */
function survivorsOf(links: readonly Link[]): Readonly<Record<string, string>> {
  const real = links.filter(([from, into]) => from !== into);
  const survivors = new Map<string, string>();
  for (const id of new Set(real.flat())) {
    const reached = new Set([id]);
    for (const each of reached) {
      for (const [from, into] of real) {
        if (from === each) reached.add(into);
        if (into === each) reached.add(from);
      }
    }
    const ends = [...reached].filter((each) => real.every(([from]) => from !== each));
    const survivor = (ends.length > 0 ? ends : [...reached]).toSorted()[0] ?? id;
    if (survivor !== id) survivors.set(id, survivor);
  }
  return Object.fromEntries(survivors);
}

test('an anonymous id becomes part of the id that it is linked to', () => {
  expect(survivorsAfter([['cookie', 'ann']])).toEqual({ cookie: 'ann' });
});

test('links are transitive: what is part of an id that becomes part of another follows', () => {
  expect(
    survivorsAfter([
      ['cookie', 'phone'],
      ['phone', 'ann'],
    ]),
  ).toEqual({ cookie: 'ann', phone: 'ann' });
});

test('a link of an id with itself, and the same link again, change nothing', () => {
  const clusters = new Map<string, ClusterRecord>();
  expect(unite(clusters, 'a', 'a')).toEqual({ kind: 'known' });
  unite(clusters, 'a', 'b');
  expect(unite(clusters, 'a', 'b')).toEqual({ kind: 'known' });
});

test('who survives follows from the set of links, whatever their order, circles included', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(id, id), { maxLength: 10 }),
      fc.infiniteStream(fc.nat()),
      (links, ranks) => {
        const ranked = links.map((link) => ({ link, rank: ranks.next().value ?? 0 }));
        const shuffled = ranked.toSorted((a, b) => a.rank - b.rank).map(({ link }) => link);
        expect(survivorsAfter(shuffled)).toEqual(survivorsOf(links));
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 300) },
  );
});

test('a link that would make a visitor of more ids than a person has is refused and changes nothing', () => {
  const clusters = new Map<string, ClusterRecord>();
  for (let index = 1; index < MEMBERS_MAX; index += 1) {
    expect(unite(clusters, `cookie-${index}`, 'kiosk').kind).toBe('merged');
  }
  const before = new Map(clusters);
  expect(unite(clusters, 'one-more', 'kiosk')).toEqual({ kind: 'full' });
  expect(clusters).toEqual(before);
});
