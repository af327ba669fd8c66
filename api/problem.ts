import { STATUS_CODES } from 'node:http';

import type { FastifyReply } from 'fastify';

/** Every code that an HTTP answer can carry, with its status. Never renamed; docs/errors.md explains each. */
export const PROBLEMS = {
  ACTION_REPLAYED: 409,
  ALERT_ALREADY_ACKNOWLEDGED: 409,
  ALERT_RESOLVED: 409,
  ALERT_UNKNOWN: 404,
  BODY_EMPTY: 422,
  BODY_ENCODING_DAMAGED: 400,
  BODY_ENCODING_UNSUPPORTED: 415,
  BODY_EXPANDS_TOO_MUCH: 413,
  BODY_INVALID: 400,
  BODY_TOO_LARGE: 413,
  BODY_TYPE_UNSUPPORTED: 415,
  CURSOR_INVALID: 400,
  EVENT_TYPE_UNKNOWN: 404,
  HOST_UNKNOWN: 421,
  IDEMPOTENCY_KEY_INVALID: 400,
  IDEMPOTENCY_KEY_REUSED: 422,
  IMPORT_NAME_INVALID: 400,
  INGEST_BUSY: 503,
  INTERNAL: 500,
  KEY_NEEDED: 401,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  NOTHING_USABLE: 422,
  NOT_FOUND: 404,
  NOT_READY: 503,
  ORIGIN_REFUSED: 403,
  PROCESSOR_OFF: 409,
  QUERY_INVALID: 400,
  RATE_LIMITED: 429,
  REQUEST_INVALID: 400,
  ROLE_MISSING: 403,
  SIGNATURE_INVALID: 401,
  SUBPROTOCOL_UNKNOWN: 400,
  UPGRADE_REQUIRED: 426,
  VIEWERS_LIMIT: 503,
  VISITOR_UNKNOWN: 404,
} as const satisfies Record<string, number>;
export type ProblemCode = keyof typeof PROBLEMS;

/** @see RFC 9457 */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly instance: string;
}

/** An outcome that ends a request with a problem document. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Further members of the document. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(options: {
    readonly code: ProblemCode;
    readonly detail: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly members?: Readonly<Record<string, unknown>>;
  }) {
    super(options.detail);
    this.name = 'Problem';
    this.code = options.code;
    this.status = PROBLEMS[options.code];
    this.headers = options.headers ?? {};
    this.members = options.members ?? {};
  }
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The members that every problem document has; `instance` is the path of the request without its query. */
export function problemDocument(options: {
  readonly code: string;
  readonly detail: string;
  readonly instance: string;
  /** Defaults to the status of a code of this file. */
  readonly status?: number;
}): ProblemDocument {
  const { code, detail, instance } = options;
  const status = options.status ?? statusOf(code);
  return {
    type: `urn:weir:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail,
    instance,
  };
}

/** Answers with a problem document. */
export function sendProblem(
  reply: FastifyReply,
  problem: {
    readonly code: string;
    readonly status: number;
    readonly detail: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly members?: Readonly<Record<string, unknown>>;
  },
): FastifyReply {
  const { code, status, detail, headers = {}, members = {} } = problem;
  const instance = pathOf(reply.request.url);
  return reply
    .code(status)
    .headers(headers)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send({ ...problemDocument({ code, detail, instance, status }), ...members });
}

/** The path of a request target: the query may hold ids. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '/';
}

const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map(Object.entries(PROBLEMS));

function statusOf(code: string): number {
  return STATUS_OF_CODE.get(code) ?? 500;
}
