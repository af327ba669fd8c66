import { fork } from 'node:child_process';
import { once } from 'node:events';

import { erase } from '../../schemas/brand.ts';
import { MALLOC } from '../measure/child.ts';
import type { ProfileSummary } from '../measure/profile.ts';
import type { ServeInput, Served } from './serve.ts';

const SCRIPT = new URL('serve.ts', import.meta.url);
/** An empty data directory is open within seconds, also on a busy machine. */
const START_MS_MAX = 60_000;

export interface Server {
  readonly url: string;
  readonly pid: number;
  /** What the main thread did since the start, of a server that is profiled. Call once. */
  profile(): Promise<ProfileSummary>;
  /** Ends the process; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts engine and api in a process of their own. */
export async function startServer(input: ServeInput): Promise<Server> {
  const child = fork(SCRIPT, [JSON.stringify(input)], { env: { ...MALLOC, ...process.env } });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const first: unknown = await Promise.race([
    once(child, 'message').then(([message]: unknown[]) => message),
    exited.then(() => undefined),
  ]);
  clearTimeout(timer);
  if (first === undefined) throw new Error('Expected the server to start, but it ended');
  const profile = async (): Promise<ProfileSummary> => {
    const [answer]: unknown[] = await new Promise((resolve) => {
      void once(child, 'message').then(resolve);
      child.send('profile');
    });
    return erase(answer);
  };
  return { url: erase<Served>(first).url, pid: child.pid ?? 0, profile, stop };
}
