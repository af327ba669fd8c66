import { expect, test } from 'vitest';

import {
  type Acknowledgement,
  type Spell,
  alertIdOf,
  changedIncidents,
  incidentsOf,
  parseAlertId,
} from './incident.ts';

const ENTITY = ['A-1', 'berlin'];

function acknowledged(timeMs: number, openedMs: number, actor = 'ana'): Acknowledgement {
  return { kind: 'stockout', eventId: `${actor}-${timeMs}`, timeMs, actor, openedMs };
}

function holders(
  spells: readonly Spell[],
  acknowledgements: readonly Acknowledgement[],
): (string | undefined)[] {
  return incidentsOf(spells, acknowledgements).map(({ acknowledgement }) => acknowledgement?.actor);
}

test('an id says the kind and the opening, to whom it belongs only', () => {
  const id = alertIdOf('price_drift', ENTITY, 1_772_000_000_000);
  expect(parseAlertId(id, ENTITY)).toEqual({ kind: 'price_drift', openedMs: 1_772_000_000_000 });
  expect(parseAlertId(id, ['A-1', 'hamburg'])).toBeUndefined();
  expect(parseAlertId('stockout', ENTITY)).toBeUndefined();
});

// 0    10 ─── 20    30 ─── …
test('an acknowledgement holds for the spell that covers the opening it names', () => {
  const spells = [
    { openedMs: 10, resolvedMs: 20 },
    { openedMs: 30, resolvedMs: null },
  ];
  expect(holders(spells, [acknowledged(40, 12)])).toEqual(['ana', undefined]);
  expect(holders(spells, [acknowledged(40, 25)])).toEqual([undefined, 'ana']);
  expect(holders(spells, [acknowledged(27, 25)])).toEqual([undefined, undefined]);
});

test('the earliest of several acknowledgements holds', () => {
  const spells = [{ openedMs: 10, resolvedMs: null }];
  const both = [acknowledged(40, 10, 'ben'), acknowledged(12, 10, 'ana')];
  expect(holders(spells, both)).toEqual(['ana']);
  expect(holders(spells, both.toReversed())).toEqual(['ana']);
});

test('a moved opening withdraws the old incident and writes the new one', () => {
  const before = incidentsOf([{ openedMs: 10, resolvedMs: null }], []);
  const after = incidentsOf([{ openedMs: 4, resolvedMs: null }], []);
  const changes = changedIncidents(before, after, () => true);
  expect(
    changes.map(({ incident, isWithdrawn }) => [incident.spell.openedMs, isWithdrawn]),
  ).toEqual([
    [10, true],
    [4, false],
  ]);
});

test('an incident is written again when it resolves, is taken over or says something else', () => {
  const open = incidentsOf<Spell>([{ openedMs: 10, resolvedMs: null }], []);
  const resolved = incidentsOf<Spell>([{ openedMs: 10, resolvedMs: 20 }], []);
  const taken = incidentsOf<Spell>([{ openedMs: 10, resolvedMs: null }], [acknowledged(12, 10)]);
  const written = (after: typeof open, isSame: boolean): number =>
    changedIncidents(open, after, () => isSame).length;
  expect([written(open, true), written(resolved, true), written(taken, true)]).toEqual([0, 1, 1]);
  expect(written(open, false)).toBe(1);
});
