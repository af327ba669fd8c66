import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { ROLES, type Role } from '../schemas/access.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import type { Config } from './config.ts';
import { writeDurably } from './data-dir.ts';

/*
 * API keys are kept in one file, which every api process reads and `weir keys` writes. It holds no
 * key: only a salted hash of each. A key is 256 random bits, which no list of likely passwords has, so
 * a slow hash would protect nothing and cost every request.
 */

/** A key as the file has it. Instants are UTC milliseconds. */
export interface StoredKey {
  readonly id: string;
  /** Who or what uses it, as its maker called it. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** HMAC-SHA-256 of the secret under `salt`; both in hexadecimal. */
  readonly hash: string;
  readonly salt: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
}

/** More than any shop has programs and people; the file is read as a whole. */
const KEYS_MAX = 10_000;
const ID_BYTES = 6;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;
const KEY = /^weir_([0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/;

/** Where the keys are: `auth.keys_file`, or `keys.json` in the data directory. */
export function keyFileOf(config: Config): string {
  return config.auth.keys_file ?? join(config.data_dir, 'keys.json');
}

/** The parts of a key; undefined for text that is none. */
export function parseKey(
  key: string,
): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = KEY.exec(key) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** The hash by which a key is known again. */
export function hashOf(secret: string, salt: string): Buffer {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(secret).digest();
}

/**
 * The keys in `path`, none when there is no such file.
 *
 * @throws {EngineError} AUTH_KEYS_DAMAGED
 */
export function readKeys(path: string): readonly StoredKey[] {
  if (!existsSync(path)) return [];
  try {
    const root: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const keys: unknown = isRecord(root) ? root['keys'] : undefined;
    if (Array.isArray(keys) && keys.every(isStoredKey)) return keys;
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
  throw damaged(path, 'something else');
}

/**
 * Makes a key and adds it to `path`.
 *
 * @returns the key itself, which nothing can show again, and what is stored
 * @throws {EngineError} AUTH_KEYS_DAMAGED, AUTH_KEYS_LOCKED, AUTH_KEYS_LIMIT_REACHED
 */
export function addKey(
  path: string,
  wanted: {
    readonly name: string;
    readonly roles: readonly Role[];
    readonly nowMs: number;
    readonly expiresAtMs: number | null;
  },
): { readonly key: string; readonly stored: StoredKey } {
  const id = randomBytes(ID_BYTES).toString('hex');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const salt = randomBytes(SALT_BYTES).toString('hex');
  const stored: StoredKey = {
    id,
    name: wanted.name,
    roles: wanted.roles,
    hash: hashOf(secret, salt).toString('hex'),
    salt,
    created_at: wanted.nowMs,
    expires_at: wanted.expiresAtMs,
    revoked_at: null,
  };
  change(path, (keys) => [...keys, stored]);
  return { key: `weir_${id}.${secret}`, stored };
}

/**
 * Ends a key for good; one that is revoked already stays as it is.
 *
 * @throws {EngineError} AUTH_KEY_UNKNOWN, AUTH_KEYS_DAMAGED, AUTH_KEYS_LOCKED
 */
export function revokeKey(path: string, id: string, nowMs: number): void {
  change(path, (keys) => {
    if (!keys.some((key) => key.id === id)) {
      throw new EngineError({
        code: 'AUTH_KEY_UNKNOWN',
        kind: 'fatal',
        message: `Expected the id of a key, as weir keys list shows it, got ${id.slice(0, 64)}`,
      });
    }
    return keys.map((key) =>
      key.id === id ? { ...key, revoked_at: key.revoked_at ?? nowMs } : key,
    );
  });
}

/** Replaces the file while no other command does; its readers see the old or the new one, whole. */
function change(path: string, changed: (keys: readonly StoredKey[]) => readonly StoredKey[]): void {
  const lock = `${path}.lock`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(lock, 'wx'));
  } catch (cause) {
    throw new EngineError({
      code: 'AUTH_KEYS_LOCKED',
      kind: 'fatal',
      message: `Expected to change ${path} alone: ${messageOf(cause)}. If no other weir keys runs, delete ${lock}`,
      cause,
    });
  }
  try {
    const keys = changed(readKeys(path));
    if (keys.length > KEYS_MAX) {
      throw new EngineError({
        code: 'AUTH_KEYS_LIMIT_REACHED',
        kind: 'fatal',
        message: `Expected at most ${KEYS_MAX} keys in ${path}; remove revoked ones from it`,
      });
    }
    writeDurably(path, `${JSON.stringify({ keys }, undefined, 2)}\n`);
  } finally {
    rmSync(lock, { force: true });
  }
}

function isStoredKey(value: unknown): value is StoredKey {
  if (!isRecord(value)) return false;
  const { roles } = value;
  const isInstant = (name: string): boolean => Number.isSafeInteger(value[name]);
  return (
    ['id', 'name', 'hash', 'salt'].every((name) => typeof value[name] === 'string') &&
    Array.isArray(roles) &&
    roles.every((role) => ROLES.some((known) => known === role)) &&
    isInstant('created_at') &&
    ['expires_at', 'revoked_at'].every((name) => value[name] === null || isInstant(name))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function damaged(path: string, got: string): EngineError {
  return new EngineError({
    code: 'AUTH_KEYS_DAMAGED',
    kind: 'fatal',
    message: `Expected keys as weir keys writes them in ${path}, got: ${got}. Restore the file, or delete it and make new keys`,
  });
}
