import type { EventOfTopic, Topic } from '../../../schemas/topics.ts';
import type { RecordBatch } from '../log/log.ts';
import { DEAD_LETTERS, LATE_EVENTS } from '../sink/engine-tables.ts';
import type { TaskOutput } from './task-output.ts';

/** One record of a batch. */
export interface RecordPlace {
  readonly batch: RecordBatch;
  /** Its index in the batch. */
  readonly at: number;
}

/** Why a record cannot be used: a code of docs/errors.md and a sentence without personal data. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

export const IN_FUTURE: Reason = {
  code: 'EVENT_TIME_IN_FUTURE',
  message: 'Expected an event time up to the clock plus its skew limit',
};
export const CONFLICT: Reason = {
  code: 'EVENT_ID_CONFLICT',
  message: 'Expected the same body as the event that came first with this id',
};

/** Longest message that a dead letter keeps. */
const MESSAGE_LENGTH_MAX = 500;

/** Keeps a record that cannot be used, with its bytes and the reason. */
export function writeDeadLetter(
  output: TaskOutput,
  { batch, at }: RecordPlace,
  reason: Reason,
): void {
  begin(output, { batch, at });
  const payload = Buffer.from(batch.bytes.subarray(batch.starts[at], batch.ends[at])).toString(
    'base64',
  );
  output.append(DEAD_LETTERS, [
    batch.appendedAtMs,
    reason.code,
    reason.message.slice(0, MESSAGE_LENGTH_MAX),
    payload,
  ]);
}

/** Keeps the identity of an event that came after its window's allowed lateness. */
export function writeLateEvent(
  output: TaskOutput,
  { batch, at }: RecordPlace,
  late: { readonly event: EventOfTopic[Topic]; readonly watermarkMs: number },
): void {
  begin(output, { batch, at });
  const { event_id, occurred_at, source } = late.event;
  output.append(LATE_EVENTS, [
    batch.appendedAtMs,
    'EVENT_TOO_LATE',
    event_id,
    occurred_at,
    source,
    // By a rule other than the watermark an event can be late before there is one.
    Math.max(0, late.watermarkMs),
  ]);
}

function begin(output: TaskOutput, { batch, at }: RecordPlace): void {
  output.begin(
    {
      topic: batch.topic,
      partition: batch.partition,
      offset: batch.firstOffset + at,
      watermarkMs: -Infinity,
    },
    { key: '', eventMs: batch.appendedAtMs, importName: batch.importName },
  );
}
