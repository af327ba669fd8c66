import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { EngineError, messageOf } from '../schemas/errors.ts';
import { createTokeniser } from './door/tokeniser.ts';

/** The directory that holds everything one embedded node keeps, while this process owns it. */
export interface DataDir {
  readonly path: string;
  readonly logPath: string;
  readonly statePath: string;
  readonly clickHousePath: string;
  /** The key that turns personal ids into tokens, at least 32 bytes. */
  readonly secret: Buffer;
  /** Gives the directory up. */
  release(): void;
}

/** File that names the process which owns the directory. */
const LOCK = 'lock';
const SECRET_BYTES = 32;

/**
 * Creates the directory when it is missing, and locks it.
 *
 * @param secret from the configuration; without it one is created in the directory and kept
 * @throws {EngineError} DATA_DIR_LOCKED when another process owns it
 * @throws {EngineError} DATA_DIR_UNUSABLE when it cannot be created or written
 * @throws {EngineError} TOKENS_SECRET_LOST when there are events and no secret
 */
export function openDataDir(directory: string, secret: string | undefined): DataDir {
  const path = resolve(directory);
  const lockPath = join(path, LOCK);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    requireUnlocked(path);
    rmSync(lockPath, { force: true });
    writeFileSync(lockPath, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return {
      path,
      logPath: join(path, 'log'),
      statePath: join(path, 'state'),
      clickHousePath: join(path, 'clickhouse'),
      secret:
        secret === undefined
          ? keptSecret(join(path, 'tokens.secret'))
          : Buffer.from(secret, 'utf8'),
      release: () => rmSync(lockPath, { force: true }),
    };
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError({
      code: 'DATA_DIR_UNUSABLE',
      kind: 'fatal',
      message: `Expected to write in the data directory ${path} (data_dir), got: ${messageOf(error)}`,
      cause: error,
    });
  }
}

/** @throws {EngineError} DATA_DIR_LOCKED when another process owns the directory */
export function requireUnlocked(directory: string): void {
  const path = resolve(directory);
  const lockPath = join(path, LOCK);
  const owner = lockOwner(lockPath);
  if (owner !== undefined && isOtherProcess(owner)) {
    throw new EngineError({
      code: 'DATA_DIR_LOCKED',
      kind: 'fatal',
      message:
        `Expected the data directory ${path} to be free, but process ${owner} uses it. ` +
        `Stop that process, or name another directory with data_dir. If no such process of Weir runs, delete ${lockPath}`,
      details: { owner },
    });
  }
}

function lockOwner(lockPath: string): number | undefined {
  if (!existsSync(lockPath)) return undefined;
  const owner = Number.parseInt(readFileSync(lockPath, 'utf8'), 10);
  return Number.isSafeInteger(owner) && owner > 0 ? owner : undefined;
}

function isOtherProcess(processId: number): boolean {
  // In a container every start has the same process id; the lock is then our own, from before.
  if (processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * The tokens that the Weir of a data directory gives to visitor ids, without opening it.
 *
 * @param secret the configured key; undefined reads the one in the directory
 * @throws {EngineError} TOKENS_SECRET_LOST when there is none
 */
export function visitorTokensOf(
  directory: string,
  secret: string | undefined,
): (visitorId: string) => string {
  const path = join(directory, 'tokens.secret');
  if (secret === undefined && !existsSync(path)) throw secretLost(path, 'there is none');
  const key = secret === undefined ? keptSecret(path) : Buffer.from(secret, 'utf8');
  const tokeniser = createTokeniser(key);
  return (visitorId) => tokeniser.token('visitor', visitorId);
}

function keptSecret(path: string): Buffer {
  if (!existsSync(path)) {
    // Events are in the log with tokens under another key: a new one would part their visitors in two.
    if (existsSync(join(dirname(path), 'log'))) throw secretLost(path, 'there is none');
    writeDurably(path, randomBytes(SECRET_BYTES).toString('hex'));
  }
  const secret = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex');
  if (secret.length < SECRET_BYTES) throw secretLost(path, `there are ${secret.length}`);
  return secret;
}

function secretLost(path: string, got: string): EngineError {
  return new EngineError({
    code: 'TOKENS_SECRET_LOST',
    kind: 'fatal',
    message:
      `Expected ${SECRET_BYTES} bytes of hexadecimal in ${path}, but ${got}. Restore the file from a backup, or set ` +
      'tokens.secret: under another key every visitor would be a new one',
  });
}

/** Replaces a file so that after a crash either the old or the new text is there, whole. */
export function writeDurably(path: string, text: string): void {
  const draft = `${path}.draft`;
  writeFileSync(draft, text, { mode: 0o600, flush: true });
  renameSync(draft, path);
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
