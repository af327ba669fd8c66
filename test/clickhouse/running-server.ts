import { onTestFinished } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { type ServerOptions, type ServerProcess, startServerProcess } from './server-process.ts';

/** What the double has seen; see there. */
interface Counts {
  readonly statements: number;
  readonly inserts: number;
  readonly lostAnswers: number;
  readonly refused: number;
  /** Inserts that differ in what was asked for: settings, token or rows. */
  readonly distinctInserts: number;
  /** Numbers of the errors with which the engine itself ended inserts. */
  readonly insertErrors: readonly number[];
}

/** A ClickHouse server in a process of its own. */
export interface RunningClickHouse extends Pick<ServerProcess, 'port' | 'environment' | 'kill'> {
  /** Takes all its time away: it accepts connections and answers none. */
  freeze(): void;
  thaw(): void;
  /** Sets what goes wrong from now on. */
  setFaults(faults: object): Promise<void>;
  counts(): Promise<Counts>;
}

/** Starts the double over the files in `path`; it ends with the test at the latest. */
export async function startClickHouse(options: ServerOptions): Promise<RunningClickHouse> {
  const server = await startServerProcess(options);
  onTestFinished(() => server.kill());
  const control = `http://127.0.0.1:${server.port}/double`;
  return {
    port: server.port,
    environment: server.environment,
    kill: () => server.kill(),
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    setFaults: async (faults) => {
      await fetch(control, { method: 'PUT', body: JSON.stringify(faults) });
    },
    counts: async () => erase<Counts>(await (await fetch(control)).json()),
  };
}
