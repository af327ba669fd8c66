import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const DOUBLE = join(import.meta.dirname, '../doubles/clickhouse-server.ts');
/** Opening the engine on a busy machine. */
const START_MS_MAX = 60_000;

export const LOGIN = { user: 'weir', password: 'f0rty-tw0' } as const;

/** Where the double keeps its files and listens. */
export interface ServerOptions {
  readonly path: string;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** The double in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** What Weir is told about it. */
  readonly environment: Readonly<Record<string, string>>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it as a power cut would; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts the double over the files in `path`; resolves when it listens. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, argumentsOf(options), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const port = await portOf(child, ended);
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    port,
    pid: child.pid ?? 0,
    environment: {
      WEIR_CLICKHOUSE_URL: `${scheme}://127.0.0.1:${port}`,
      WEIR_CLICKHOUSE_USER: LOGIN.user,
      WEIR_CLICKHOUSE_PASSWORD: LOGIN.password,
    },
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function argumentsOf({ path, port = 0, tls }: ServerOptions): readonly string[] {
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
