import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';

import { Session } from 'chdb';

import { erase } from '../../schemas/brand.ts';
import { messageOf } from '../../schemas/errors.ts';

/*
 * A ClickHouse server for development and tests: ClickHouse's HTTP interface over the real engine in
 * this process. It takes statements in the address or the body, inserts, bound parameters, settings
 * and a login, and answers with the engine's rows, or its error, code and summary as a server does.
 * It has no users of its own, no sessions, no compression and no clusters.
 *
 *   node test/doubles/clickhouse-server.ts --path DIRECTORY [--port 8123] [--host 127.0.0.1]
 *     [--user weir] [--password secret] [--key key.pem --cert cert.pem]
 *
 * `PUT /double` sets the faults of the requests that follow; the body is a `Faults` as JSON.
 */

/** What goes wrong from now on. */
interface Faults {
  /** Every statement waits for this long before it runs. */
  readonly delayMs?: number;
  /** So many inserts run, and their connection is cut instead of an answer. */
  readonly loseAnswers?: number;
  /** So many inserts are refused with this error before they run. */
  readonly refuse?: { readonly code: number; readonly name: string; readonly times: number };
  /** Settings of the user's profile, under which the engine itself refuses. */
  readonly profile?: Readonly<Record<string, string>>;
}

interface Options {
  readonly path: string;
  readonly port: number;
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly tls: { readonly key: Buffer; readonly cert: Buffer } | undefined;
}

/** A request in ClickHouse's form. */
interface Asked {
  readonly statement: string;
  readonly format: string | undefined;
  readonly assignments: readonly (readonly [name: string, value: string])[];
}

/** How often something happened, which a test asks for to prove that its fault fired. */
const counts = { statements: 0, inserts: 0, lostAnswers: 0, refused: 0 };
/** Every insert as it was asked for, settings and bytes, as a hash. */
const inserts = new Set<string>();
/** Numbers of the errors with which the engine itself ended inserts. */
const insertErrors: number[] = [];
let faults: Faults = {};

/** Settings of the HTTP interface, which the engine does not know. */
const HTTP_SETTINGS = new Set([
  'wait_end_of_query',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'enable_http_compression',
  'http_zlib_compression_level',
]);
/** Parameters of the address that are no settings. */
const NO_SETTINGS = new Set(['query', 'default_format', 'database', 'query_id', 'role']);

const INSERT = /^\s*INSERT\b/i;

const options = optionsOf(process.argv.slice(2));
// The engine belongs to the process and stays open; each statement has a session of its own.
const engine = new Session(options.path);
const listen = (request: IncomingMessage, response: ServerResponse): void => {
  serve(request, response).catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    response.destroy();
  });
};
const server =
  options.tls === undefined ? createHttpServer(listen) : createHttpsServer(options.tls, listen);
server.listen(options.port, options.host, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  process.stdout.write(`ClickHouse double at ${options.host}:${port}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    engine.close();
    process.exit(0);
  });
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://double');
  const body = await bodyOf(request);
  if (url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  if (url.pathname === '/double') {
    if (request.method === 'PUT') faults = erase<Faults>(JSON.parse(body));
    const told = { ...counts, distinctInserts: inserts.size, insertErrors };
    response.end(JSON.stringify(told));
    return;
  }
  if (!isLoggedIn(request)) {
    refuse(response, {
      status: 403,
      code: 516,
      text: `${options.user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
    });
    return;
  }
  await answer(askedOf(url, body), response, url.searchParams.get('query_id') ?? '');
}

async function answer(asked: Asked, response: ServerResponse, queryId: string): Promise<void> {
  counts.statements += 1;
  const isInsert = INSERT.test(asked.statement);
  if (isInsert) {
    counts.inserts += 1;
    inserts.add(createHash('sha256').update(JSON.stringify(asked)).digest('hex'));
  }
  if (faults.delayMs !== undefined) await delay(faults.delayMs);
  const refused = faults.refuse;
  if (isInsert && refused !== undefined && refused.times > 0) {
    faults = { ...faults, refuse: { ...refused, times: refused.times - 1 } };
    counts.refused += 1;
    refuse(response, { status: 500, code: refused.code, text: `Made to fail. (${refused.name})` });
    return;
  }
  response.setHeader('x-clickhouse-query-id', queryId);
  response.setHeader('x-clickhouse-timezone', 'UTC');
  const session = new Session(options.path);
  try {
    // In this order: a profile may forbid what a request asks for.
    for (const settings of [Object.entries(faults.profile ?? {}), asked.assignments]) {
      if (settings.length === 0) continue;
      const all = settings.map(([name, value]) => `${name} = ${literal(value)}`);
      await session.queryAsync(`SET ${all.join(', ')}`);
    }
    const result = await session.queryAsync(
      asked.statement,
      asked.format === undefined ? {} : { format: asked.format },
    );
    if (isInsert && (faults.loseAnswers ?? 0) > 0) {
      faults = { ...faults, loseAnswers: (faults.loseAnswers ?? 0) - 1 };
      counts.lostAnswers += 1;
      response.destroy();
      return;
    }
    response.setHeader(
      'x-clickhouse-summary',
      JSON.stringify({
        read_rows: String(result.rowsRead),
        read_bytes: String(result.bytesRead),
        written_rows: '0',
        written_bytes: '0',
        total_rows_to_read: '0',
        result_rows: '0',
        result_bytes: '0',
        elapsed_ns: '0',
      }),
    );
    response.end(result.bytes());
  } catch (error) {
    const { code, text } = errorOf(messageOf(error));
    if (isInsert) insertErrors.push(code);
    refuse(response, { status: 500, code, text });
  } finally {
    session.close();
  }
}

function askedOf(url: URL, body: string): Asked {
  const assignments: (readonly [string, string])[] = [];
  let database = 'default';
  for (const [name, value] of url.searchParams) {
    if (name === 'database') database = value;
    if (NO_SETTINGS.has(name) || HTTP_SETTINGS.has(name)) continue;
    assignments.push([name, value]);
  }
  const statement = [url.searchParams.get('query'), body]
    .filter((part) => part !== null && part !== '')
    .join('\n');
  if (database !== 'default') throw new RangeError('Expected names with their database');
  return { statement, format: url.searchParams.get('default_format') ?? undefined, assignments };
}

function isLoggedIn({ headers }: IncomingMessage): boolean {
  const expected = Buffer.from(`${options.user}:${options.password}`).toString('base64');
  if (headers.authorization !== undefined) return headers.authorization === `Basic ${expected}`;
  const user = headers['x-clickhouse-user'] ?? 'default';
  const key = headers['x-clickhouse-key'] ?? '';
  return user === options.user && key === options.password;
}

function refuse(
  response: ServerResponse,
  { status, code, text }: { readonly status: number; readonly code: number; readonly text: string },
): void {
  response.statusCode = status;
  response.setHeader('x-clickhouse-exception-code', String(code));
  response.setHeader('content-type', 'text/plain; charset=UTF-8');
  response.end(`Code: ${code}. DB::Exception: ${text} (version 26.7.1.1 (official build))\n`);
}

/** Number and text of an error of the engine. */
function errorOf(message: string): { readonly code: number; readonly text: string } {
  const match = /^(?:Code: (?<code>\d+)\. DB::Exception: )+(?<text>[^]*)$/.exec(message);
  return {
    code: Number(match?.groups?.['code'] ?? 1_001),
    text: match?.groups?.['text'] ?? message,
  };
}

function literal(value: string): string {
  return `'${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function optionsOf(args: readonly string[]): Options {
  const given = new Map<string, string>();
  for (let index = 0; index < args.length; index += 2) {
    given.set(args[index] ?? '', args[index + 1] ?? '');
  }
  const path = given.get('--path');
  if (path === undefined) throw new RangeError('Expected --path DIRECTORY');
  const key = given.get('--key');
  const cert = given.get('--cert');
  return {
    path,
    port: Number(given.get('--port') ?? 8_123),
    host: given.get('--host') ?? '127.0.0.1',
    user: given.get('--user') ?? 'default',
    password: given.get('--password') ?? '',
    tls:
      key === undefined || cert === undefined
        ? undefined
        : { key: readFileSync(key), cert: readFileSync(cert) },
  };
}
