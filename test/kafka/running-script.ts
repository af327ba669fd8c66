import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { erase } from '../../schemas/brand.ts';

/** One secret for all data directories, so that the same visitors have the same tokens. */
const SECRET = '0123456789abcdef0123456789abcdef';

/** What a script said at last and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last object it said: its counts, or the code and message of the error that ended it. */
  readonly last: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** A process of a script of this folder; it is killed when the test ends before it does. */
export class RunningScript {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #watchers: ((line: string) => void)[] = [];
  readonly #lines: string[] = [];
  #stderr = '';

  constructor(
    script: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
      env: {
        ...process.env,
        WEIR_LOG_LEVEL: 'error',
        WEIR_TOKENS_SECRET: SECRET,
        WEIR_WINDOWS_CHECKPOINT: '200ms',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => this.signal('SIGKILL'));
    let unfinished = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      this.#lines.push(...lines);
      for (const watcher of this.#watchers) for (const line of lines) watcher(line);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (exitCode, signal) => {
        resolve({ exitCode, signal, last: this.last, stderr: this.#stderr });
      });
    });
  }

  /** The last object it said. */
  get last(): Readonly<Record<string, unknown>> {
    return erase(JSON.parse(this.#lines.findLast((line) => line.startsWith('{')) ?? '{}'));
  }

  /** Every object it said. */
  get objects(): readonly Readonly<Record<string, unknown>>[] {
    return this.#lines
      .filter((line) => line.startsWith('{'))
      .map((line) => erase<Readonly<Record<string, unknown>>>(JSON.parse(line)));
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when it has said a line that `isIt` accepts, with false when it has ended without. */
  said(isIt: (line: string) => boolean): Promise<boolean> {
    if (this.#lines.some(isIt)) return Promise.resolve(true);
    return this.says(isIt);
  }

  /** As `said`, for what it says from now on. */
  says(isIt: (line: string) => boolean): Promise<boolean> {
    const heard = new Promise<true>((resolve) => {
      this.#watchers.push((line) => {
        if (isIt(line)) resolve(true);
      });
    });
    return Promise.race([heard, this.ended.then(() => false)]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
