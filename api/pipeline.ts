import type { FastifyInstance } from 'fastify';

import type { EnginePort } from '../schemas/ports.ts';
import { PipelineAnswer } from './answers.ts';
import type { Clock } from './clock.ts';
import { lagRecords } from './live/pipeline-row.ts';

/** Adds `GET /v1/pipeline`: what the engine says about itself. */
export function addPipeline(
  app: FastifyInstance,
  options: { readonly engine: Pick<EnginePort, 'status'>; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get(
    '/v1/pipeline',
    {
      schema: {
        tags: ['reads'],
        summary: 'How the pipeline is doing',
        description:
          'Counts of every event received, `received = contributed + duplicate + late + dead_lettered + quarantined`, and the state of each task.',
        response: {
          200: {
            description: 'The status of the engine',
            content: { 'application/json': { schema: PipelineAnswer } },
          },
        },
      },
    },
    async (_request, reply) => {
      const status = engine.status();
      return reply
        .header('cache-control', 'no-store')
        .send({ ...status, as_of: clock.nowMs(), complete: lagRecords(status) === 0 });
    },
  );
}
