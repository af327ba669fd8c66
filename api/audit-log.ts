import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import type { EnginePort } from '../schemas/ports.ts';
import { problemAnswers } from './answers.ts';
import type { Clock } from './clock.ts';
import { parseInstant } from './instant-parameter.ts';

/** Rows of an answer when the caller does not say, and at most. */
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;

interface AuditLogRoute {
  readonly Querystring: { readonly from?: string; readonly to?: string; readonly limit?: number };
}

/** Adds `GET /v1/audit-log`: what people have done, newest first. */
export function addAuditLog(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<AuditLogRoute>('/v1/audit-log', { schema: DOCUMENTATION }, async (request, reply) => {
    const { from, to, limit = LIMIT_DEFAULT } = request.query;
    const nowMs = clock.nowMs();
    const rows = await engine.query(AUDIT_LOG_SQL, {
      from: from === undefined ? 0 : parseInstant(from, 'from'),
      to: to === undefined ? nowMs + 1 : parseInstant(to, 'to'),
      limit,
    });
    return reply.header('cache-control', 'no-store').send({
      rows: rows.map((row) => ({
        recorded_at: Number(row['recorded_ms']),
        actor: String(row['actor']),
        action: String(row['action']),
        subject: String(row['subject']),
        before: textOf(row['before']),
        after: textOf(row['after']),
      })),
      as_of: nowMs,
    });
  });
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

const AUDIT_LOG_SQL = `SELECT toUnixTimestamp64Milli(recorded_at) AS recorded_ms, actor, action, subject, before, after
  FROM weir.audit_log
  WHERE recorded_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
    AND recorded_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
  ORDER BY recorded_at DESC, action, subject
  LIMIT {limit:UInt32}`;

const nullableText = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description });

const AuditLogAnswer = Type.Object({
  rows: Type.Array(
    Type.Object({
      recorded_at: Type.Integer({ description: 'When Weir took it, UTC milliseconds' }),
      actor: Type.String({ description: 'Id of the key and the name that was given' }),
      action: Type.String(),
      subject: Type.String(),
      before: nullableText('What was there before; null when nothing was or it is not known'),
      after: nullableText('What is there since; null when it is not known'),
    }),
  ),
  as_of: Type.Integer(),
});

const DOCUMENTATION = {
  tags: ['operation'],
  summary: 'What people have done, newest first',
  description:
    'Verdicts cleared or confirmed, alerts taken over, rules, targets, links, erasures and lift tests, with who, when, and what was there before and after. For a next page ask with to = the recorded_at of the last row plus one, and leave out what you have.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: { type: 'string', description: 'Inclusive: ISO 8601 or epoch milliseconds' },
      to: { type: 'string', description: 'Exclusive; now by default' },
      limit: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT },
    },
  },
  response: {
    200: {
      description: 'The newest acts in the range',
      content: { 'application/json': { schema: AuditLogAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
