import { ID_LENGTH_MAX } from '../../../schemas/ids.ts';
import { fingerprintOf } from './fingerprint.ts';

/**
 * The id of the `index`-th event that follows from the event `eventId`: the same in every replay, and
 * no longer than an id may be. Long ids are replaced by 128 bits of themselves.
 */
export function derivedEventId(eventId: string, index: number): string {
  const id = `${eventId}/${index}`;
  if (id.length <= ID_LENGTH_MAX) return id;
  return `${fingerprintOf(eventId)}${fingerprintOf(`\u0000${eventId}`)}/${index}`;
}
