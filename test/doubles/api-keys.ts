import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import { onTestFinished } from 'vitest';

import { Guard } from '../../api/guard/guard.ts';
import { addKey } from '../../processors/key-file.ts';
import { KeyRing } from '../../processors/key-ring.ts';
import { type RequestLimits, ROLES, type Role } from '../../schemas/access.ts';
import { ManualClock } from './manual-clock.ts';

const T0 = Date.UTC(2026, 2, 1, 10);
const ROOMY: RequestLimits = {
  ingest_requests_per_minute: 10_000,
  requests_per_minute: 10_000,
};

/** A guard over a file with one key per role, and the time it lives in. */
export interface TestKeys {
  readonly guard: Guard;
  readonly clock: ManualClock;
  /** The file of the keys. */
  readonly path: string;
  readonly keys: Readonly<Record<Role, string>>;
}

/** Makes the keys in a file that is removed with the test. */
export function openTestKeys(limits: Partial<RequestLimits> = {}): TestKeys {
  const directory = mkdtempSync(join(tmpdir(), 'weir-keys-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'keys.json');
  const clock = new ManualClock(T0);
  const made = ROLES.map((role) => [role, keyFor(path, [role])] as const);
  const ring = new KeyRing(path, engineClock(clock), pino({ level: 'silent' }));
  const guard = new Guard({ keys: ring, limits: { ...ROOMY, ...limits } }, clock);
  const [ingest, read, ops, sql, admin] = made.map(([, key]) => key);
  if (!ingest || !read || !ops || !sql || !admin) throw new RangeError('five roles');
  return { guard, clock, path, keys: { ingest, read, ops, sql, admin } };
}

/** Adds a key and returns it. */
export function keyFor(
  path: string,
  roles: readonly Role[],
  expiresAtMs: number | null = null,
): string {
  return addKey(path, { name: roles.join(), roles, nowMs: T0, expiresAtMs }).key;
}

/** The engine's clock on the same time. */
export function engineClock(clock: ManualClock): ConstructorParameters<typeof KeyRing>[1] {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.nowMs(),
    sleep: () => Promise.resolve(),
    random: () => 0.5,
  };
}
