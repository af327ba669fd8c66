import { EngineError } from '../../../schemas/errors.ts';
import type { Place } from './kafka-reader.ts';

/** Our next record was deleted before we read it. */
export function deletedUnread(
  { topic, partition }: Place,
  offset: number,
  startOffset: number,
): EngineError {
  return new EngineError({
    code: 'LOG_OFFSET_OUT_OF_RANGE',
    kind: 'fatal',
    message:
      `Expected Kafka to hold ${topic}/${partition} from offset ${offset} on, but it begins at ${startOffset}. ` +
      'Those records were deleted unread. Set kafka.on_gap to earliest to go on after them, or to latest for new records only',
    details: { topic, partition, offset, startOffset },
  });
}

/** The broker has less than we have read: no setting makes the numbers right again. */
export function beyondEnd(
  { topic, partition }: Place,
  offset: number,
  endOffset: number,
): EngineError {
  return new EngineError({
    code: 'LOG_OFFSET_OUT_OF_RANGE',
    kind: 'fatal',
    message:
      `Expected Kafka to hold ${topic}/${partition} up to offset ${offset}, which we have read, but it ends at ${endOffset}. ` +
      'The topic was made anew or has lost records; start with a new data directory',
    details: { topic, partition, offset, endOffset },
  });
}
