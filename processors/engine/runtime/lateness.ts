import { isBroadcast } from '../../../schemas/events/sku-event.ts';
import { MINUTE_MS } from '../../../schemas/time.ts';
import { type EventOfTopic, type Topic, isTimed } from '../../../schemas/topics.ts';
import type { RecordBatch } from '../log/log.ts';
import type { TaskOptions } from './task-options.ts';

/**
 * Whether the event's minute has passed its allowed lateness. History that is imported is never late, nor
 * is what concerns every key: no partition may do without it because its own time has gone on.
 */
export function isTooLate(
  event: EventOfTopic[Topic],
  record: { readonly topic: Topic; readonly batch: RecordBatch; readonly watermarkMs: number },
  { isLate, limits }: Pick<TaskOptions, 'isLate' | 'limits'>,
): boolean {
  const { topic, batch, watermarkMs } = record;
  if (isLate !== undefined) return isLate(topic, event.event_id);
  if (batch.importName !== undefined || !isTimed(topic)) return false;
  const minuteEndMs = Math.floor(event.occurred_at / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  return minuteEndMs + limits.allowedLatenessMs <= watermarkMs && !isBroadcast(event);
}
