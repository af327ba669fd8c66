import type { IncomingHttpHeaders } from 'node:http';

import { type Admission, type KeyPort, type Permission, isAllowed } from '../../schemas/access.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import type { Clock } from '../clock.ts';
import { keyOf } from './credentials.ts';
import { RateLimit } from './rate-limit.ts';

/** Why a request is not let in. */
export interface GuardRefusal {
  readonly status: 401 | 403 | 429;
  readonly code: 'KEY_NEEDED' | 'ROLE_MISSING' | 'RATE_LIMITED';
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Mistakes of one address per minute: more than a person makes, and nothing to 256 random bits. */
const FAILURES_PER_MINUTE_MAX = 60;

/** How soon a connection ends after its key did. */
const CHECK_INTERVAL_MS = 5 * SECOND_MS;

/**
 * The challenge at which browsers ask their user for name and password. Bearer, which programs may use
 * too, is not named: Chromium reads one challenge per header, and would ask for nothing.
 */
const CHALLENGE = { 'www-authenticate': 'Basic realm="Weir", charset="UTF-8"' } as const;

/** Lets requests in by the key they carry. Its keys and counts belong to one process. */
export class Guard {
  readonly #keys: KeyPort;
  readonly #ingest: RateLimit;
  readonly #other: RateLimit;
  readonly #failures: RateLimit;
  /** Open connections: the id of the key of each, and how to end it. */
  readonly #connections = new Set<{ readonly id: string; readonly end: () => void }>();
  readonly #stop: () => void;

  constructor({ keys, limits }: Admission, clock: Clock) {
    this.#keys = keys;
    this.#ingest = new RateLimit(limits.ingest_requests_per_minute, clock);
    this.#other = new RateLimit(limits.requests_per_minute, clock);
    this.#failures = new RateLimit(FAILURES_PER_MINUTE_MAX, clock);
    this.#stop = clock.every(CHECK_INTERVAL_MS, () => this.#endLapsed());
  }

  /**
   * Why a request is refused, or undefined when it is let in, which counts it.
   *
   * @param asked `permission` `'any'` is for what every key may do
   */
  refusal(asked: {
    readonly headers: IncomingHttpHeaders;
    readonly address: string;
    readonly permission: Permission | 'any';
  }): GuardRefusal | undefined {
    const { headers, address, permission } = asked;
    const key = keyOf(headers);
    const holder = key === undefined ? undefined : this.#keys.holderOf(key);
    if (holder === undefined) {
      const waitSeconds = this.#failures.take(address);
      if (waitSeconds !== undefined) return tooMany(waitSeconds);
      return {
        status: 401,
        code: 'KEY_NEEDED',
        detail:
          'Expected a good API key, as Authorization: Bearer, or as the password of a login with any name',
        headers: CHALLENGE,
      };
    }
    const budget = permission === 'ingest' ? this.#ingest : this.#other;
    const waitSeconds = budget.take(holder.id);
    if (waitSeconds !== undefined) return tooMany(waitSeconds);
    if (permission === 'any' || isAllowed(holder.roles, permission)) return undefined;
    return {
      status: 403,
      code: 'ROLE_MISSING',
      detail: `Expected a key that may ${permission}; this one has the roles ${holder.roles.join(', ')}`,
      headers: {},
    };
  }

  /** Names the key that a request carries; undefined without a good one. */
  keyIdOf(headers: IncomingHttpHeaders): string | undefined {
    const key = keyOf(headers);
    return key === undefined ? undefined : this.#keys.holderOf(key)?.id;
  }

  /**
   * Ends a connection that was let in soon after its key is no longer good.
   *
   * @returns how to forget the connection, when it has ended
   */
  follow(headers: IncomingHttpHeaders, end: () => void): () => void {
    const holder = this.#keys.holderOf(keyOf(headers) ?? '');
    const connection = { id: holder?.id ?? '', end };
    this.#connections.add(connection);
    return () => this.#connections.delete(connection);
  }

  close(): void {
    this.#stop();
  }

  #endLapsed(): void {
    for (const connection of this.#connections) {
      if (this.#keys.isGood(connection.id)) continue;
      this.#connections.delete(connection);
      connection.end();
    }
  }
}

function tooMany(waitSeconds: number): GuardRefusal {
  return {
    status: 429,
    code: 'RATE_LIMITED',
    detail: `Expected fewer requests per minute; there is room again in ${waitSeconds} s`,
    headers: { 'retry-after': String(waitSeconds) },
  };
}
