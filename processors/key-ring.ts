import { timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';

import type { Admission, KeyHolder, KeyPort } from '../schemas/access.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import { SECOND_MS } from '../schemas/time.ts';
import type { Config } from './config.ts';
import { systemClock } from './engine/runtime/system-clock.ts';
import { type Logger, createLogger } from './engine/telemetry/log.ts';
import type { Clock } from './engine/time/clock.ts';
import { type StoredKey, hashOf, keyFileOf, parseKey, readKeys } from './key-file.ts';

/** A new or revoked key works, or ends, within this time. */
const LOOK_AGAIN_MS = SECOND_MS;

/**
 * The keys of a file, which is read again when it has changed. While it cannot be read, those it held
 * before go on: a mistake in it must not shut everybody out.
 */
export class KeyRing implements KeyPort {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #keys: ReadonlyMap<string, StoredKey>;
  #version: string;
  #lookedAtMs: number;

  /**
   * @throws {EngineError} AUTH_KEYS_DAMAGED
   * @throws {EngineError} AUTH_KEYS_MISSING when no key in `path` is good
   */
  constructor(path: string, clock: Clock, logger: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#version = versionOf(path);
    this.#keys = byId(readKeys(path));
    this.#lookedAtMs = clock.monotonicMs();
    if ([...this.#keys.keys()].some((id) => this.isGood(id))) return;
    throw new EngineError({
      code: 'AUTH_KEYS_MISSING',
      kind: 'fatal',
      message:
        `Expected an API key in ${path} that is neither expired nor revoked, because requests need one ` +
        '(auth.required). Make one with: weir keys create --role admin --name me',
    });
  }

  holderOf(key: string): KeyHolder | undefined {
    const parts = parseKey(key);
    if (parts === undefined) return undefined;
    const stored = this.#goodKey(parts.id);
    if (stored === undefined) return undefined;
    const hash = Buffer.from(stored.hash, 'hex');
    const given = hashOf(parts.secret, stored.salt);
    return hash.length === given.length && timingSafeEqual(hash, given) ? stored : undefined;
  }

  isGood(id: string): boolean {
    return this.#goodKey(id) !== undefined;
  }

  #goodKey(id: string): StoredKey | undefined {
    this.#lookAgain();
    const stored = this.#keys.get(id);
    if (stored === undefined || stored.revoked_at !== null) return undefined;
    const isExpired = stored.expires_at !== null && stored.expires_at <= this.#clock.nowMs();
    return isExpired ? undefined : stored;
  }

  #lookAgain(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return;
    this.#lookedAtMs = nowMs;
    try {
      const version = versionOf(this.#path);
      if (version === this.#version) return;
      this.#keys = byId(readKeys(this.#path));
      this.#version = version;
    } catch (error) {
      this.#logger.error({ reason: messageOf(error) }, 'Could not read the API keys again');
    }
  }
}

/** Changes whenever the file is replaced. */
function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino}:${found.mtimeMs}:${found.size}`;
}

function byId(keys: readonly StoredKey[]): ReadonlyMap<string, StoredKey> {
  return new Map(keys.map((key) => [key.id, key]));
}

/**
 * Who is let in by the configuration; undefined when requests need no key.
 *
 * @throws {EngineError} AUTH_KEYS_DAMAGED, AUTH_KEYS_MISSING
 */
export function openAdmission(config: Config): Admission | undefined {
  const { required, ingest_requests_per_minute, requests_per_minute } = config.auth;
  if (!required) return undefined;
  const logger = createLogger(config.log_level);
  return {
    keys: new KeyRing(keyFileOf(config), systemClock, logger),
    limits: { ingest_requests_per_minute, requests_per_minute },
  };
}
