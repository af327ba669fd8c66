import { createHmac, createSecretKey } from 'node:crypto';

import { EngineError } from '../../schemas/errors.ts';
import { agentFormOf, networkOf } from './client-forms.ts';
import { GenerationMap } from './generations.ts';

/** What a token stands for, and the letter that starts its tokens. */
const PREFIX_OF_KIND = {
  visitor: 'v',
  customer: 'c',
  session: 's',
  ip: 'i',
  user_agent: 'u',
} as const;
type Kind = keyof typeof PREFIX_OF_KIND;
export type TokenKind = Exclude<Kind, ClientKind>;

/** The secret is as long as the hash: a shorter one would be the weakest part. */
export const TOKEN_SECRET_BYTES_MIN = 32;

/** 128 bits: among 2^40 visitors two share a token with a chance of 1 in 2^49. */
const TOKEN_BYTES = 16;

/** Kinds of which something may stay beside the token, and how it is made; empty when there is nothing. */
const FORM_OF_KIND = { ip: networkOf, user_agent: agentFormOf } as const;
export type ClientKind = keyof typeof FORM_OF_KIND;

/** Tokens kept per kind (about 15 MB): an HMAC costs 2 µs, most of what an event costs at the door. */
const CACHE_SIZE_MAX = 100_000;

/** An address or a user agent as it may be kept. */
export interface Client {
  readonly token: string;
  /** The address's network or the user agent's form; null when there is none. */
  readonly form: string | null;
}

/** Turns personal values into tokens: the same value always into the same token, and never back. */
export interface Tokeniser {
  /** The token of a normalised value: 23 characters, the kind's letter and 128 bits as base64url. */
  token(kind: TokenKind, value: string): string;
  /** The token and what may stay beside it: enough to tell programs from people, too little to tell people apart. */
  client(kind: ClientKind, value: string): Client;
}

/**
 * The form in which a value is hashed and placed: without spaces around it; addresses also in lower
 * case, since IPv6 is written in both.
 */
export function normalise(kind: Kind, value: string): string {
  const trimmed = value.trim();
  return kind === 'ip' ? trimmed.toLowerCase() : trimmed;
}

/**
 * Tokens are HMAC-SHA-256(secret, kind ‖ NUL ‖ value), cut to 128 bits. The kind is hashed along, so
 * that a customer id and a visitor id of the same text have nothing in common.
 *
 * @param cacheSizeMax tokens of each kind that are kept
 * @throws {EngineError} CONFIG_INVALID when the secret is shorter than 32 bytes.
 * @see RFC 2104; NIST SP 800-107 on cutting an HMAC short
 */
export function createTokeniser(secret: Buffer, cacheSizeMax = CACHE_SIZE_MAX): Tokeniser {
  if (secret.length < TOKEN_SECRET_BYTES_MIN) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: `Expected a token secret of at least ${TOKEN_SECRET_BYTES_MIN} bytes, got ${secret.length}`,
    });
  }
  // A key object made once: from a buffer every HMAC makes one, which takes four times as long.
  const key = createSecretKey(secret);
  const hmac = (kind: Kind, value: string): string => {
    const hash = createHmac('sha256', key)
      .update(`${kind}\0${normalise(kind, value)}`, 'utf8')
      .digest();
    return PREFIX_OF_KIND[kind] + hash.toString('base64url', 0, TOKEN_BYTES);
  };
  const tokens = (kind: TokenKind): ((value: string) => string) =>
    remembering(cacheSizeMax, (value) => hmac(kind, value));
  const clients = (kind: ClientKind): ((value: string) => Client) =>
    remembering(cacheSizeMax, (value) => {
      const form = FORM_OF_KIND[kind](value);
      return { token: hmac(kind, value), form: form === '' ? null : form };
    });
  const tokenOf = {
    visitor: tokens('visitor'),
    customer: tokens('customer'),
    session: tokens('session'),
  };
  const clientOf = { ip: clients('ip'), user_agent: clients('user_agent') };
  return {
    token: (kind, value) => tokenOf[kind](value),
    client: (kind, value) => clientOf[kind](value),
  };
}

/** `make` with its latest results kept, in memory alone. */
function remembering<Made>(
  sizeMax: number,
  make: (value: string) => Made,
): (value: string) => Made {
  const cache = new GenerationMap<Made>(sizeMax);
  return (value) => {
    const known = cache.get(value);
    if (known !== undefined) return known;
    const made = make(value);
    cache.set(value, made);
    return made;
  };
}
