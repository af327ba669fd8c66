import { readFileSync, rmSync, writeFileSync } from 'node:fs';

import { pino } from 'pino';
import { expect, test } from 'vitest';

import { DAY_MS } from '../schemas/time.ts';
import { engineClock, keyFor, openTestKeys } from '../test/doubles/api-keys.ts';
import { addKey, parseKey, readKeys, revokeKey } from './key-file.ts';
import { KeyRing } from './key-ring.ts';

const SILENT = pino({ level: 'silent' });
/** Longer than a ring goes without looking at its file. */
const A_WHILE_MS = 2_000;

function idOf(key: string): string {
  return parseKey(key)?.id ?? '';
}

test('the file holds no key, only a salted hash, for its owner alone', () => {
  const { path, keys } = openTestKeys();
  const text = readFileSync(path, 'utf8');
  for (const key of Object.values(keys)) {
    const secret = parseKey(key)?.secret ?? '';
    expect(secret).toHaveLength(43);
    expect(text).toContain(idOf(key));
    expect(text).not.toContain(secret);
  }
  const stored = readKeys(path);
  expect(new Set(stored.map(({ hash }) => hash)).size).toBe(stored.length);
  expect(new Set(stored.map(({ salt }) => salt)).size).toBe(stored.length);
});

test('a key is known with its roles, and no other text is', () => {
  const { path, keys, clock } = openTestKeys();
  const ring = new KeyRing(path, engineClock(clock), SILENT);
  expect(ring.holderOf(keys.ops)).toMatchObject({ id: idOf(keys.ops), roles: ['ops'] });
  const { id, secret } = parseKey(keys.ops) ?? { id: '', secret: '' };
  const others = [
    '',
    id,
    secret,
    `weir_${id}.${secret}x`,
    `weir_${id}.${secret.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
    `weir_${idOf(keys.admin)}.${secret}`,
    keys.ops.toUpperCase(),
    ` ${keys.ops}`,
  ];
  for (const other of others) expect(ring.holderOf(other), other).toBeUndefined();
});

test('a new key works and a revoked one ends while the ring is open', () => {
  const { path, keys, clock } = openTestKeys();
  const ring = new KeyRing(path, engineClock(clock), SILENT);
  const added = keyFor(path, ['read', 'ingest']);
  revokeKey(path, idOf(keys.read), clock.nowMs());
  clock.advance(A_WHILE_MS);
  expect(ring.holderOf(added)?.roles).toEqual(['read', 'ingest']);
  expect(ring.holderOf(keys.read)).toBeUndefined();
  expect(ring.isGood(idOf(keys.read))).toBe(false);
  expect(ring.holderOf(keys.admin)).toBeDefined();
});

test('a key ends at the instant it was given', () => {
  const { path, clock } = openTestKeys();
  const key = keyFor(path, ['read'], clock.nowMs() + DAY_MS);
  const ring = new KeyRing(path, engineClock(clock), SILENT);
  clock.advance(DAY_MS - 1);
  expect(ring.holderOf(key)).toBeDefined();
  clock.advance(1);
  expect(ring.holderOf(key)).toBeUndefined();
});

test('a file that becomes unreadable shuts nobody out, and a start with it is refused', () => {
  const { path, keys, clock } = openTestKeys();
  const ring = new KeyRing(path, engineClock(clock), SILENT);
  writeFileSync(path, '{"keys":[{"id":1}]}');
  clock.advance(A_WHILE_MS);
  expect(ring.holderOf(keys.read)).toBeDefined();
  expect(() => new KeyRing(path, engineClock(clock), SILENT)).toThrow(
    expect.objectContaining({ code: 'AUTH_KEYS_DAMAGED' }),
  );
});

test('a ring without a good key is refused, whatever the reason', () => {
  const { path, clock } = openTestKeys();
  const missing = expect.objectContaining({ code: 'AUTH_KEYS_MISSING' });
  for (const { id } of readKeys(path)) revokeKey(path, id, clock.nowMs());
  expect(() => new KeyRing(path, engineClock(clock), SILENT)).toThrow(missing);
  keyFor(path, ['admin'], clock.nowMs());
  expect(() => new KeyRing(path, engineClock(clock), SILENT)).toThrow(missing);
  rmSync(path);
  expect(() => new KeyRing(path, engineClock(clock), SILENT)).toThrow(missing);
});

test('one command at a time changes the file, and an unknown id is told', () => {
  const { path } = openTestKeys();
  const before = readKeys(path);
  writeFileSync(`${path}.lock`, '');
  expect(() => addKey(path, { name: 'a', roles: ['read'], nowMs: 1, expiresAtMs: null })).toThrow(
    expect.objectContaining({ code: 'AUTH_KEYS_LOCKED' }),
  );
  rmSync(`${path}.lock`);
  expect(() => revokeKey(path, 'none', 1)).toThrow(
    expect.objectContaining({ code: 'AUTH_KEY_UNKNOWN' }),
  );
  expect(readKeys(path)).toEqual(before);
});
