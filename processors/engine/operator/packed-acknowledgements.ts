import type { PackReader, PackWriter } from '../../../schemas/packed.ts';
import type { Acknowledgement } from './incident.ts';

/** Packs acknowledgements, with how many they are; null is none. */
export function writeAcknowledgements(
  writer: PackWriter,
  acknowledgements: readonly Acknowledgement[] | null,
): void {
  writer.number(acknowledgements?.length ?? 0);
  for (const { kind, eventId, timeMs, actor, openedMs } of acknowledgements ?? []) {
    writer.text(kind);
    writer.text(eventId);
    writer.number(timeMs);
    writer.text(actor);
    writer.number(openedMs);
  }
}

/** What `writeAcknowledgements` packed; null when that was none. */
export function readAcknowledgements(reader: PackReader): Acknowledgement[] | null {
  const count = reader.number();
  if (count === 0) return null;
  return Array.from({ length: count }, () => ({
    kind: reader.text(),
    eventId: reader.text(),
    timeMs: reader.number(),
    actor: reader.text(),
    openedMs: reader.number(),
  }));
}
