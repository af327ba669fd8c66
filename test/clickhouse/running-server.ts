import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { erase } from '../../schemas/brand.ts';

const DOUBLE = join(import.meta.dirname, '../doubles/clickhouse-server.ts');
/** Opening the engine on a busy machine. */
const START_MS_MAX = 60_000;

/** What the double has seen; see there. */
interface Counts {
  readonly statements: number;
  readonly inserts: number;
  readonly lostAnswers: number;
  readonly refused: number;
}

/** A ClickHouse server in a process of its own. */
export interface RunningClickHouse {
  readonly port: number;
  /** What Weir is told about it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Takes all its time away: it accepts connections and answers none. */
  freeze(): void;
  thaw(): void;
  /** Sets what goes wrong from now on. */
  setFaults(faults: object): Promise<void>;
  counts(): Promise<Counts>;
}

export const LOGIN = { user: 'weir', password: 'f0rty-tw0' } as const;

interface Options {
  readonly path: string;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Starts the double over the files in `path`; it ends with the test at the latest. */
export async function startClickHouse(options: Options): Promise<RunningClickHouse> {
  const { tls } = options;
  const child = spawn(process.execPath, argumentsOf(options), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const listening = await portOf(child, ended);
  const scheme = tls === undefined ? 'http' : 'https';
  const control = `http://127.0.0.1:${listening}/double`;
  return {
    port: listening,
    environment: {
      WEIR_CLICKHOUSE_URL: `${scheme}://127.0.0.1:${listening}`,
      WEIR_CLICKHOUSE_USER: LOGIN.user,
      WEIR_CLICKHOUSE_PASSWORD: LOGIN.password,
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    setFaults: async (faults) => {
      await fetch(control, { method: 'PUT', body: JSON.stringify(faults) });
    },
    counts: async () => erase<Counts>(await (await fetch(control)).json()),
  };
}

function argumentsOf({ path, port = 0, tls }: Options): readonly string[] {
  const login = ['--user', LOGIN.user, '--password', LOGIN.password];
  const certificate = tls === undefined ? [] : ['--key', tls.key, '--cert', tls.cert];
  return [DOUBLE, '--path', path, '--port', String(port), ...login, ...certificate];
}

async function portOf(child: ChildProcess, ended: Promise<void>): Promise<number> {
  let output = '';
  const { promise, resolve } = Promise.withResolvers<number>();
  const read = (text: string): void => {
    output += text;
    const match = /double at .*:(\d+)$/m.exec(output);
    if (match !== null) resolve(Number(match[1]));
  };
  child.stdout?.setEncoding('utf8').on('data', read);
  child.stderr?.setEncoding('utf8').on('data', read);
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS_MAX);
  const failed = ended.then(() => {
    throw new Error(`the ClickHouse double ended: ${output}`);
  });
  try {
    return await Promise.race([promise, failed]);
  } finally {
    clearTimeout(timer);
    failed.catch(() => undefined);
  }
}
