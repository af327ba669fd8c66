import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  createServer,
} from 'node:http';

import { messageOf } from '../../schemas/errors.ts';
import type { SqlPort } from '../../schemas/ports.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { type Access, accessRefusal } from '../access.ts';
import type { Guard, GuardRefusal } from '../guard/guard.ts';
import type { Logger } from '../logger.ts';
import type { Result } from './answer.ts';
import { type Refusal, refusal } from './refusal.ts';
import { STATEMENT_BYTES_MAX, TOO_LARGE, requestOf } from './request.ts';
import { addHeaders, sendRefusal, sendResult } from './response.ts';
import { Statements } from './statements.ts';

export interface SqlServerOptions {
  readonly sql: SqlPort;
  readonly access: Access;
  /** Who is let in; undefined for everybody who can reach the port. */
  readonly guard?: Guard | undefined;
  readonly logger: Logger;
}

/** The HTTP server, and how it ends: statements that run are cancelled and answered. */
export interface SqlServer {
  readonly server: Server;
  readonly close: () => Promise<void>;
}

/** Statements in the address are long. */
const HEADER_BYTES_MAX = 2 * STATEMENT_BYTES_MAX;
/** A statement is small; whoever sends one for longer than this holds a connection and nothing else. */
const REQUEST_TIMEOUT_MS = 30 * SECOND_MS;
/** Connections at once; clients keep some tens open. */
const CONNECTIONS_MAX = 200;

/** Addresses that say that the server is there. */
const SIGNS_OF_LIFE = new Set(['/ping', '/replicas_status']);
const OK = 'Ok.\n';

const LOCAL = 'http://localhost/';

/** Builds the server of ClickHouse's HTTP interface without listening. */
export function createSqlServer({ sql, access, guard, logger }: SqlServerOptions): SqlServer {
  const statements = new Statements(sql);
  const running = new Set<AbortController>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const url = urlOf(request);
    addHeaders(response, url);
    const refused = accessOf(request, access);
    if (refused === undefined && isSignOfLife(request, url)) {
      response.setHeader('content-type', 'text/html; charset=UTF-8');
      response.end(OK);
      return;
    }
    const controller = new AbortController();
    running.add(controller);
    // A client that has gone takes its statement with it.
    response.on('close', () => controller.abort());
    const given =
      refused ??
      keyRefusal(request, response, guard) ??
      (await answer(request, url, { statements, logger, controller }));
    running.delete(controller);
    if (given.kind === 'result') sendResult(response, given);
    else sendRefusal(response, given, statements.version);
    logger.debug(
      {
        status: response.statusCode,
        ...(given.kind === 'refused' ? { clickHouseCode: given.code } : {}),
        durationMs: Math.round(performance.now() - startedMs),
      },
      'Answered a statement',
    );
  }

  const listener: RequestListener = (request, response) => {
    serve(request, response).catch((error: unknown) => {
      logger.error({ reason: messageOf(error) }, 'Could not send an answer');
      response.destroy();
    });
  };
  const options = { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_TIMEOUT_MS };
  const server = createServer(options, listener);
  server.maxConnections = CONNECTIONS_MAX;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    guard?.close();
    for (const controller of running) controller.abort();
    await statements.idle();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref();
    await closed;
  };
  return { server, close };
}

/** How long a client may take to read its last answer. */
const CLOSE_GRACE_MS = SECOND_MS;

async function answer(
  request: IncomingMessage,
  url: URL,
  to: {
    readonly statements: Statements;
    readonly logger: Logger;
    readonly controller: AbortController;
  },
): Promise<Result | Refusal> {
  if (request.method !== 'GET' && request.method !== 'POST') {
    return refusal('UNSUPPORTED_METHOD', 'Statements are sent with GET or POST');
  }
  if (url.pathname !== '/') {
    return refusal('BAD_ARGUMENTS', 'There is nothing at this address: statements are sent to /');
  }
  try {
    const body = await bodyOf(request);
    if (body === undefined) return TOO_LARGE;
    const asked = requestOf(url, request.headers, body);
    if (asked.kind === 'refused') return asked;
    return await to.statements.answer(asked, to.controller.signal);
  } catch (error) {
    to.logger.error({ err: error }, 'Could not answer a statement');
    return refusal('STD_EXCEPTION', 'Something went wrong here; the log has it');
  }
}

/** Keeps pages of other sites from asking through a visitor's browser. */
function accessOf(request: IncomingMessage, access: Access): Refusal | undefined {
  const { host, origin } = request.headers;
  const refused = accessRefusal(access, { host, origin });
  if (refused !== undefined) return refusal('ACCESS_DENIED', refused.detail);
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'none' || site === 'same-origin') return undefined;
  return refusal(
    'ACCESS_DENIED',
    'Expected a request from a program, not from a page of another site',
  );
}

const NAME_OF_REFUSAL = {
  KEY_NEEDED: 'AUTHENTICATION_FAILED',
  ROLE_MISSING: 'ACCESS_DENIED',
  RATE_LIMITED: 'QUOTA_EXCEEDED',
} as const satisfies Record<GuardRefusal['code'], string>;

/** Keeps out whoever has no key for statements. */
function keyRefusal(
  { headers, socket }: IncomingMessage,
  response: ServerResponse,
  guard: Guard | undefined,
): Refusal | undefined {
  const address = socket.remoteAddress ?? '';
  const refused = guard?.refusal({ headers, address, permission: 'sql' });
  if (refused === undefined) return undefined;
  for (const [name, value] of Object.entries(refused.headers)) response.setHeader(name, value);
  return refusal(NAME_OF_REFUSAL[refused.code], refused.detail);
}

function isSignOfLife({ method }: IncomingMessage, { pathname, searchParams }: URL): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return SIGNS_OF_LIFE.has(pathname) || (pathname === '/' && !searchParams.has('query'));
}

/** The address of a request; only its path and its parameters mean anything. */
function urlOf({ url = '/' }: IncomingMessage): URL {
  return URL.canParse(url, LOCAL) ? new URL(url, LOCAL) : new URL(LOCAL);
}

/** The whole body; undefined when it is longer than a statement may be. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request) {
    // Without an encoding set a request gives buffers.
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > STATEMENT_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
