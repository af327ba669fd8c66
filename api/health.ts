import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import type { EnginePort } from '../schemas/ports.ts';
import { problemAnswers } from './answers.ts';
import type { ApiMetrics } from './metrics.ts';
import { Problem } from './problem.ts';

/** Adds `/healthz`, `/readyz` and `/metrics`. */
export function addHealth(
  app: FastifyInstance,
  options: {
    readonly engine: Pick<EnginePort, 'status' | 'metrics'>;
    readonly metrics: ApiMetrics;
  },
): void {
  const { engine, metrics } = options;
  app.get(
    '/healthz',
    {
      schema: {
        tags: ['operation'],
        summary: 'Whether the process is alive',
        response: { 200: Type.Object({ status: Type.Literal('alive') }, { description: 'It is' }) },
      },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'alive' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags: ['operation'],
        summary: 'Whether events are taken and results delivered',
        response: {
          200: Type.Object({ status: Type.Literal('ready') }, { description: 'It is ready' }),
          ...problemAnswers(503),
        },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      const { ready, problems } = engine.status();
      if (ready) return reply.send({ status: 'ready' });
      throw new Problem({
        code: 'NOT_READY',
        detail: problems.length === 0 ? 'The engine is not ready yet' : problems.join('; '),
        members: { problems },
      });
    },
  );
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['operation'],
        summary: 'Metrics in the text format of Prometheus',
        response: {
          200: {
            description: 'Every metric of the process',
            content: { 'text/plain': { schema: { type: 'string' } } },
          },
        },
      },
    },
    async (_request, reply) => {
      const { contentType, body } = await engine.metrics();
      return reply.type(contentType).send(`${body.trimEnd()}\n${await metrics.text()}`);
    },
  );
}
