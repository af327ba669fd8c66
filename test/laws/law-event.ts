import { erase } from '../../schemas/brand.ts';
import type { EventOfTopic, Topic } from '../../schemas/topics.ts';

/** One accepted event and the topic it came from. */
export type LawEvent = {
  readonly [T in Topic]: { readonly topic: T; readonly event: EventOfTopic[T] };
}[Topic];

/** The event with another time or id. */
export function changed(
  { topic, event }: LawEvent,
  change: { readonly event_id?: string; readonly occurred_at?: number },
): LawEvent {
  // The common fields of every event: it stays one of its topic.
  return erase<LawEvent>({ topic, event: { ...event, ...change } });
}
