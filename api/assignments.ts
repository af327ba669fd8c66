import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { ARMS } from '../schemas/assignment.ts';
import { ID_LENGTH_MAX } from '../schemas/ids.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { problemAnswers } from './answers.ts';
import type { Clock } from './clock.ts';

interface AssignmentsRoute {
  readonly Querystring: { readonly visitor_id: string };
}

/** Adds `GET /v1/assignments`: whom to hold out of which channel. */
export function addAssignments(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<AssignmentsRoute>('/v1/assignments', { schema: DOCUMENTATION }, async (request, reply) =>
    reply.header('cache-control', 'no-store').send({
      assignments: engine.assignments(request.query.visitor_id),
      as_of: clock.nowMs(),
    }),
  );
}

const AssignmentsAnswer = Type.Object({
  assignments: Type.Array(
    Type.Object({
      test: Type.String(),
      channel: Type.String(),
      arm: Type.Union(
        ARMS.map((arm) => Type.Literal(arm)),
        {
          description: 'holdout: keep the channel away from this visitor while the test runs',
        },
      ),
      start: Type.Integer({ description: 'From when on, UTC milliseconds' }),
      stop: Type.Union([Type.Integer(), Type.Null()], { description: 'Until when' }),
    }),
  ),
  as_of: Type.Integer(),
});

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'The arms of a visitor, per channel',
  description:
    'For marketing tools: a visitor in the holdout of a channel must not get it. The answer for a visitor never changes while a test runs, and the same assignment is recomputed from the events.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    required: ['visitor_id'],
    properties: {
      visitor_id: {
        type: 'string',
        minLength: 1,
        maxLength: ID_LENGTH_MAX,
        description: 'The id that events carry, not a token',
      },
    },
  },
  response: {
    200: {
      description: 'One arm per test that has not stopped',
      content: { 'application/json': { schema: AssignmentsAnswer } },
    },
    ...problemAnswers(400),
  },
};
