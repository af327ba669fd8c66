import { ID_LENGTH_MAX } from '../../schemas/ids.ts';
import { type Fingerprint, fingerprintText } from '../engine/operator/fingerprint.ts';

const HEXADECIMAL = 16;
const WORD_DIGITS = 8;

/** 64 bits of `text` as 16 hexadecimal digits; not cryptographic. */
export function fingerprintOf(text: string): string {
  const fingerprint: Fingerprint = { high: 0, low: 0 };
  fingerprintText(text, fingerprint);
  return hexadecimal(fingerprint.high) + hexadecimal(fingerprint.low);
}

/**
 * The id of the `index`-th event that follows from the event `eventId`: the same in every replay, and
 * no longer than an id may be. Long ids are replaced by 128 bits of themselves.
 */
export function derivedEventId(eventId: string, index: number): string {
  const id = `${eventId}/${index}`;
  if (id.length <= ID_LENGTH_MAX) return id;
  return `${fingerprintOf(eventId)}${fingerprintOf(`\u0000${eventId}`)}/${index}`;
}

function hexadecimal(word: number): string {
  return word.toString(HEXADECIMAL).padStart(WORD_DIGITS, '0');
}
