import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

import type { FastifyError, FastifyInstance } from 'fastify';

import { EngineError } from '../schemas/errors.ts';
import {
  PROBLEMS,
  Problem,
  type ProblemCode,
  pathOf,
  problemDocument,
  sendProblem,
} from './problem.ts';
import { REQUEST_ID_HEADER } from './request-id.ts';

/** When a dependency is away, trying again sooner only adds to its trouble. */
const RETRY_AFTER_SECONDS = '5';

/** Fastify's own errors that have a code of ours. */
const PROBLEM_OF_FASTIFY_CODE: ReadonlyMap<string, ProblemCode> = new Map<string, ProblemCode>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'BODY_TOO_LARGE'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'BODY_TYPE_UNSUPPORTED'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'BODY_INVALID'],
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'BODY_INVALID'],
]);

/** Turns everything that a request can end in into a problem document. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError | EngineError | Problem>((error, request, reply) => {
    if (error instanceof Problem) {
      return sendProblem(reply, {
        code: error.code,
        status: error.status,
        detail: error.message,
        headers: error.headers,
        members: error.members,
      });
    }
    if (error instanceof EngineError) {
      const status = statusOfEngineError(error);
      request.log.error(
        { code: error.code, kind: error.kind, ...error.details, reason: error.message },
        'Could not complete a request',
      );
      return sendProblem(reply, {
        code: status === 500 ? 'INTERNAL' : error.code,
        status,
        detail: status === 500 ? INTERNAL_DETAIL : 'Not possible at the moment; try again later',
        headers: status === 500 ? {} : { 'retry-after': RETRY_AFTER_SECONDS },
      });
    }
    const refusal = requestRefusal(error);
    if (refusal !== undefined) return sendProblem(reply, refusal);
    request.log.error({ err: error }, 'Could not complete a request');
    return sendProblem(reply, { code: 'INTERNAL', status: 500, detail: INTERNAL_DETAIL });
  });
}

const INTERNAL_DETAIL = 'Something went wrong here; the log has it under the x-request-id';

function statusOfEngineError(error: EngineError): number {
  if (error.code === 'DISK_FULL') return 507;
  return error.kind === 'transient' ? 503 : 500;
}

/** What was wrong with a request by Fastify's account; undefined when it was not the request. */
function requestRefusal(
  error: FastifyError,
): { readonly code: ProblemCode; readonly status: number; readonly detail: string } | undefined {
  if (error.validation !== undefined) {
    const code = error.validationContext === 'querystring' ? 'QUERY_INVALID' : 'REQUEST_INVALID';
    return { code, status: PROBLEMS[code], detail: validationDetail(error) };
  }
  const code = PROBLEM_OF_FASTIFY_CODE.get(error.code);
  if (code !== undefined) return { code, status: PROBLEMS[code], detail: error.message };
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  return { code: 'REQUEST_INVALID', status, detail: error.message };
}

/** The validator's words, with the name of a parameter that is not known. */
function validationDetail(error: FastifyError): string {
  const [first] = error.validation ?? [];
  const unknown = first?.params['additionalProperty'];
  return typeof unknown === 'string' ? `${error.message}: ${unknown.slice(0, 64)}` : error.message;
}

/**
 * Answers addresses that lead nowhere with 404, and those that lead somewhere by another method with
 * 405 and the methods that do.
 */
export function handleMissingRoutes(app: FastifyInstance): void {
  const routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    // The page's files are behind a wildcard, which matches everything.
    if (url.includes('*')) return;
    const escaped = url.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
    routes.push({
      path: new RegExp(`^${escaped.replaceAll(/:[^/]+/g, '[^/]+')}$`),
      methods: typeof method === 'string' ? [method] : method,
    });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const allowed = new Set(
      routes.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods),
    );
    if (allowed.size === 0 || allowed.has(request.method)) {
      throw new Problem({
        code: 'NOT_FOUND',
        detail: 'Nothing is here; /docs lists what there is',
      });
    }
    const allow = [...allowed].toSorted().join(', ');
    reply.header('allow', allow);
    if (request.method === 'OPTIONS') return reply.code(204).send();
    throw new Problem({ code: 'METHOD_NOT_ALLOWED', detail: `Expected one of ${allow}` });
  });
}

/** Statuses of requests that are not HTTP, by the parser's code. */
const STATUS_OF_PARSER_CODE: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
]);

/** Answers what could not be read as a request, and closes the connection. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_PARSER_CODE.get(error.code ?? '') ?? 400;
  const body = JSON.stringify(
    problemDocument({
      code: 'REQUEST_INVALID',
      detail: 'Expected an HTTP/1.1 request',
      instance: '/',
      status,
    }),
  );
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: application/problem+json\r\n` +
      `${REQUEST_ID_HEADER}: ${randomUUID()}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
