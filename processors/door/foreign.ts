import { schemaIdOf } from '../../schemas/events/confluent.ts';
import { checkEvent } from '../../schemas/events/parse.ts';
import { type DecodeResult, decodeEvent } from '../../schemas/events/wire.ts';
import {
  EVENT_TYPES,
  type EventOfTopic,
  TOPIC_OF_EVENT,
  type Topic,
} from '../../schemas/topics.ts';
import type { Admit, Admitted, Waiting } from '../engine/log/kafka-batch.ts';
import type { ConfluentReaders } from './confluent.ts';
import { type Placing, placeEvent } from './door.ts';

/** How early or late an event is, its task decides: what a record becomes must not depend on today. */
const NO_TIME_LIMIT = { nowMs: Number.POSITIVE_INFINITY, clockSkewMs: 0 };

/** What records of other programs are judged by. */
export interface AdmissionOptions extends Placing {
  readonly eventBytesMax: number;
  /** Readers of Confluent's wire format; undefined without a schema registry. */
  readonly confluent: ConfluentReaders | undefined;
}

/**
 * The door for records that other programs write to Kafka: JSON or Avro, checked and tokenised like
 * events at the HTTP door, before anything keeps them.
 */
export function createAdmission(options: AdmissionOptions): Admit {
  return (topic, bytes) => admit(topic, bytes, options);
}

function admit(topic: Topic, bytes: Buffer, options: AdmissionOptions): Admitted {
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
  const decoded = decode(topic, bytes, options.confluent);
  if (decoded.kind === 'wait') return decoded;
  if (decoded.kind !== 'ok') return refused(decoded);
  // What was JSON has been checked; checking it again costs less than telling the two apart.
  const checked = checkEvent(type, decoded.event, NO_TIME_LIMIT);
  if (checked.kind === 'rejected') return refused(checked);
  return { kind: 'ok', ...placeEvent(type, checked.event, options) };
}

/** By its first bytes: Confluent's wire format with the schema that it names, else what the log itself holds. */
function decode(
  topic: Topic,
  bytes: Buffer,
  confluent: ConfluentReaders | undefined,
): DecodeResult<EventOfTopic[Topic]> | Waiting {
  const schemaId = confluent === undefined ? undefined : schemaIdOf(bytes);
  if (confluent === undefined || schemaId === undefined) return decodeEvent(topic, bytes);
  const known = confluent.readerOf(topic, schemaId);
  return known.kind === 'ok' ? known.read(bytes) : known;
}

function refused({ code, message }: { readonly code: string; readonly message: string }): Admitted {
  return { kind: 'refused', code, message };
}
