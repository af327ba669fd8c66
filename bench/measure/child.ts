import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { erase } from '../../schemas/brand.ts';

/** What `cli/weir.js` tells glibc before an engine begins, as variables. */
export const MALLOC = erase<Readonly<Record<string, string>>>(
  JSON.parse(readFileSync(new URL('../../cli/malloc.json', import.meta.url), 'utf8')),
);

/** How a run in a process of its own is started. */
export interface ChildOptions {
  /** What the script gets from `childInput`. */
  readonly input: unknown;
  /** When it is ended, so that a bench is bounded whatever happens. */
  readonly timeoutMs: number;
  readonly nodeOptions?: readonly string[];
}

/**
 * Runs a script of this tree in a process of its own, so that memory and CPU time are its own and chDB
 * finds no other directory open. Resolves with what the script gives to `sendResult`.
 */
export function runChild<Result>(script: URL, options: ChildOptions): Promise<Result> {
  const { input, timeoutMs, nodeOptions = [] } = options;
  return new Promise((resolve, reject) => {
    const child = fork(script, [JSON.stringify(input)], {
      execArgv: [...nodeOptions],
      env: { ...MALLOC, ...process.env },
    });
    let result: { readonly value: Result } | undefined;
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('message', (value) => {
      // Both ends are files of this directory and change together.
      result = { value: erase<Result>(value) };
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (result !== undefined) resolve(result.value);
      else
        reject(
          new Error(`Expected a result of ${script.pathname}, it ended with ${code ?? signal}`),
        );
    });
  });
}

/** In the child: what `runChild` was given as `input`. */
export function childInput<Input>(): Input {
  // Both ends are files of this directory and change together.
  return erase<Input>(JSON.parse(process.argv[2] ?? 'null'));
}

/** In the child: answers `runChild`. Resolves when the answer is on its way. */
export function sendResult(value: unknown): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) {
      // Started by hand.
      console.log(JSON.stringify(value, undefined, 2));
      resolve();
    } else {
      process.send(value, () => {
        resolve();
      });
    }
  });
}
