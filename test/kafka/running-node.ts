import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

const NODE = join(import.meta.dirname, 'node.ts');

/** One secret for all data directories, so that the same visitors have the same tokens. */
export const SECRET = '0123456789abcdef0123456789abcdef';

/** What a process of node.ts said at last and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its counts, or the code and message of the error that ended it. */
  readonly last: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** A process of node.ts; it is killed when the test ends before it does. */
export class RunningNode {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #watchers: ((line: string) => void)[] = [];
  readonly #lines: string[] = [];

  /**
   * @param events.file NDJSON for its door; none without
   * @param events.expected how many events, repeats aside, it waits for
   */
  constructor(
    events: { readonly file?: string; readonly expected: number },
    environment: Readonly<Record<string, string>>,
  ) {
    this.#child = spawn(process.execPath, [NODE, events.file ?? '-', String(events.expected)], {
      env: {
        ...process.env,
        WEIR_LOG_LEVEL: 'error',
        WEIR_TOKENS_SECRET: SECRET,
        WEIR_WINDOWS_CHECKPOINT: '200ms',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => this.kill());
    let unfinished = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unfinished + text).split('\n');
      unfinished = lines.pop() ?? '';
      this.#lines.push(...lines);
      for (const watcher of this.#watchers) for (const line of lines) watcher(line);
    });
    let stderr = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (exitCode, signal) => {
        const last: unknown = JSON.parse(
          this.#lines.findLast((line) => line.startsWith('{')) ?? '{}',
        );
        resolve({ exitCode, signal, last: Object(last), stderr });
      });
    });
  }

  /** Resolves when it has said a line that `isIt` accepts, with false when it has ended without. */
  said(isIt: (line: string) => boolean): Promise<boolean> {
    if (this.#lines.some(isIt)) return Promise.resolve(true);
    const heard = new Promise<true>((resolve) => {
      this.#watchers.push((line) => {
        if (isIt(line)) resolve(true);
      });
    });
    return Promise.race([heard, this.ended.then(() => false)]);
  }

  /** As `said`: it has taken `count` events, repeats aside. */
  took(count: number): Promise<boolean> {
    return this.said((line) => /^\d+$/.test(line) && Number(line) >= count);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
