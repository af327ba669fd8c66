import { type Static, Type } from '@sinclair/typebox';

import type { PipelineStatus } from '../schemas/ports.ts';
import type { ProcessorName } from '../schemas/processors.ts';

/** What the answers of the api look like, for its types and its documentation. */

const Instant = Type.Integer({ description: 'UTC milliseconds since the epoch' });

export const ValueSchema = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);

/** What every answer says about how fresh it is. */
export const Freshness = {
  as_of: Type.Integer({ description: 'When the answer was made, UTC milliseconds' }),
  watermark: Type.Union([Instant, Type.Null()], {
    description: 'No more events before this instant are expected; null until the first event',
  }),
  complete: Type.Boolean({
    description:
      'Whether all events the rows stand for are expected to be in: `to` is not after the watermark, or, for current rows, no record waits',
  }),
};

/** What answers say of the processors that they need. */
export const Off = {
  processors_off: Type.Array(Type.String(), {
    description:
      'Processors that these numbers need and that do not run (`processors` of weir.yaml): numbers are missing, or from before they were turned off',
  }),
};

/** What an answer that needs some processors says of those that do not run. */
export function offAmong(
  { processors_off: off }: Pick<PipelineStatus, 'processors_off'>,
  needs: readonly ProcessorName[],
): ProcessorName[] {
  return needs.filter((name) => off.includes(name));
}

export const RowsAnswer = Type.Object({
  rows: Type.Array(Type.Record(Type.String(), ValueSchema)),
  ...Freshness,
  ...Off,
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: 'Give it back as `cursor` for the next page; null on the last one',
  }),
});
export type RowsAnswer = Static<typeof RowsAnswer>;

export const RejectedSchema = Type.Array(
  Type.Object({
    index: Type.Integer({ minimum: 0, description: 'Place of the event in the batch, from 0' }),
    code: Type.String(),
    message: Type.String(),
  }),
);

export const IngestAnswerSchema = Type.Object({
  accepted: Type.Integer({ minimum: 0 }),
  duplicates: Type.Integer({ minimum: 0, description: 'Events whose id was taken before' }),
  rejected: RejectedSchema,
});

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; docs/errors.md explains each' }),
    detail: Type.String(),
    instance: Type.String(),
  },
  { description: 'RFC 9457 problem document' },
);

const CountsSchema = Type.Object({
  received: Type.Integer(),
  contributed: Type.Integer(),
  duplicate: Type.Integer(),
  late: Type.Integer(),
  dead_lettered: Type.Integer(),
  quarantined: Type.Integer(),
});

export const PipelineAnswer = Type.Object({
  mode: Type.Union([Type.Literal('embedded'), Type.Literal('distributed')]),
  ready: Type.Boolean(),
  problems: Type.Array(Type.String()),
  allowed_lateness_ms: Type.Integer(),
  processors_off: Type.Array(Type.String(), {
    description: 'Processors that do not run: what they would count is not counted',
  }),
  counts: CountsSchema,
  unaccounted: Type.Integer({
    description:
      'The sum check over all tasks: received − (contributed + duplicate + late + dead_lettered + quarantined); anything but 0 is a defect',
  }),
  tasks: Type.Array(
    Type.Object({
      task: Type.String(),
      counts: CountsSchema,
      watermark: Type.Union([Instant, Type.Null()]),
      lag_records: Type.Integer(),
      inputs: Type.Array(
        Type.Object({
          topic: Type.String(),
          partition: Type.Integer(),
          next_offset: Type.Integer(),
          end_offset: Type.Integer(),
          idle: Type.Boolean(),
        }),
      ),
    }),
  ),
  checkpoint: Type.Object({
    sequence: Type.Integer(),
    age_ms: Type.Integer(),
    duration_ms: Type.Number(),
  }),
  sink: Type.Object({ pending_rows: Type.Integer(), healthy: Type.Boolean() }),
  audit: Type.Object(
    {
      checked_rows: Type.Integer(),
      differences: Type.Integer(),
      last_at: Type.Union([Instant, Type.Null()]),
    },
    {
      description:
        'The continuous recomputation of closed windows since the process started: rows compared, rows that differ, and when it last compared',
    },
  ),
  identities: Type.Object(
    { merged: Type.Integer(), refused: Type.Integer() },
    {
      description:
        'Visitor ids that are part of another visitor now, and links that were refused because a person does not have so many ids',
    },
  ),
  ...Freshness,
});

export const AcknowledgeBody = Type.Object(
  {
    actor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Who takes the alert over' }),
    ),
  },
  { additionalProperties: false },
);

export const AcknowledgeAnswer = Type.Object({
  alert_id: Type.String(),
  state: Type.Literal('acknowledged'),
});

/** The answers that any request may get, by status. */
export function problemAnswers(...statuses: readonly number[]): Record<number, object> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: ProblemSchema.description ?? '',
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  );
}
