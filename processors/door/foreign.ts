import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import { EVENT_TYPES, TOPIC_OF_EVENT, type Topic } from '../../schemas/topics.ts';
import type { Admit, Admitted } from '../engine/log/kafka-batch.ts';
import { type Placing, placeEvent } from './door.ts';

/** How early or late an event is, its task decides: what a record becomes must not depend on today. */
const NO_TIME_LIMIT = { nowMs: Number.POSITIVE_INFINITY, clockSkewMs: 0 };

/**
 * The door for records that other programs write to Kafka: JSON or Avro, checked and tokenised like
 * events at the HTTP door, before anything keeps them.
 */
export function createAdmission(options: Placing & { readonly eventBytesMax: number }): Admit {
  return (topic, bytes) => admit(topic, bytes, options);
}

function admit(
  topic: Topic,
  bytes: Buffer,
  options: Placing & { readonly eventBytesMax: number },
): Admitted {
  const type = EVENT_TYPES.find((each) => TOPIC_OF_EVENT[each] === topic);
  if (type === undefined) {
    return {
      kind: 'refused',
      code: 'WIRE_TOPIC_INTERNAL',
      message: `Expected only records of Weir in ${topic}, got one of another program`,
    };
  }
  if (bytes.length > options.eventBytesMax) {
    return {
      kind: 'refused',
      code: 'EVENT_TOO_LARGE',
      message: `Expected an event of at most ${options.eventBytesMax} bytes, got ${bytes.length}`,
    };
  }
  const decoded = decodeEvent(topic, bytes);
  if (decoded.kind !== 'ok') return refused(decoded);
  // What was JSON has been checked; checking it again costs less than telling the two apart.
  const parsed = parseEvent(type, erase(decoded.event), NO_TIME_LIMIT);
  if (parsed.kind === 'rejected') return refused(parsed);
  return { kind: 'ok', ...placeEvent(type, parsed.event, options) };
}

function refused({ code, message }: { readonly code: string; readonly message: string }): Admitted {
  return { kind: 'refused', code, message };
}
