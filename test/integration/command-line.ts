import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, onTestFinished } from 'vitest';

const WEIR = join(import.meta.dirname, '../../cli/weir.js');

/** One secret for all data directories, so that the same visitors have the same tokens. */
const SECRET = '0123456789abcdef0123456789abcdef';

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** What a finished command wrote and how it ended. */
export interface Finished {
  readonly exitCode: number | null;
  /** The signal that ended it; null when it ended by itself. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory that is removed when the test is over. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'weir-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Starts `weir` with these arguments; it is killed when the test ends before it does.
 *
 * @param within a command that runs what follows it, such as `unshare`
 */
export function startWeir(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): { readonly child: ChildProcess; readonly finished: Promise<Finished> } {
  const [command = process.execPath, ...rest] = [...within, process.execPath, WEIR, ...args];
  const child = spawn(command, rest, {
    env: {
      ...process.env,
      NO_COLOR: '1',
      WEIR_LOG_LEVEL: 'error',
      WEIR_CLICKHOUSE_SQL_PORT: '0',
      WEIR_TOKENS_SECRET: SECRET,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.on('close', () => running.delete(child));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { child, finished };
}

/** Runs `weir` to its end. */
export function weir(...args: readonly string[]): Promise<Finished> {
  return startWeir(args).finished;
}
