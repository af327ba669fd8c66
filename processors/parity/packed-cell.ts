import { PackReader, PackWriter } from '../../schemas/packed.ts';
import {
  readAcknowledgements,
  writeAcknowledgements,
} from '../engine/operator/packed-acknowledgements.ts';
import type { Cell } from './cell.ts';
import type { Observation, Observations } from './observations.ts';

/** Observations as they lie in the state: packed into a string unless they are many. */
export type StoredObservations = string | Observations;

/** A cell as it lies in the state, likewise. */
export type StoredCell = string | Cell;

/** More of them are stored as they are: packing them at every event would cost more than it saves. */
const PACKED_OBSERVATIONS_MAX = 8;

/** Operators are synchronous, so one of each is enough for all. */
const writer = new PackWriter();
const reader = new PackReader();

export function storedObservations(observations: Observations): StoredObservations {
  if (observations.length > PACKED_OBSERVATIONS_MAX) return observations;
  writeObservations(observations);
  return writer.take();
}

export function openObservations(stored: StoredObservations): Observations {
  if (typeof stored !== 'string') return stored;
  reader.open(stored);
  return readObservations();
}

/** Whether a stored cell is that of the channel, without opening it. */
export function isOfChannel(stored: StoredCell, channel: string): boolean {
  return typeof stored === 'string'
    ? reader.beginsWith(stored, channel)
    : stored.channel === channel;
}

/** When time alone changes something in a stored cell next, without opening the rest of it. */
export function nextMsOf(stored: StoredCell): number {
  if (typeof stored !== 'string') return stored.nextMs;
  reader.open(stored);
  reader.text();
  return reader.number();
}

/** The cell as it is to be stored. */
export function storedCell(cell: Cell): StoredCell {
  if (cell.observations.length > PACKED_OBSERVATIONS_MAX) return cell;
  writer.text(cell.channel);
  writer.number(cell.nextMs);
  writeObservations(cell.observations);
  writer.numbers(cell.start);
  writer.numbers(cell.now);
  writer.number(cell.writtenMs);
  writer.number(cell.ratesVersion);
  writeAcknowledgements(writer, cell.acknowledgements);
  return writer.take();
}

/** The cell to work with. It is the stored one itself when that is not packed. */
export function openCell(stored: StoredCell): Cell {
  if (typeof stored !== 'string') return stored;
  reader.open(stored);
  return {
    channel: reader.text(),
    nextMs: reader.number(),
    observations: readObservations(),
    start: reader.numbers(),
    now: reader.numbers(),
    writtenMs: reader.number(),
    ratesVersion: reader.number(),
    acknowledgements: readAcknowledgements(reader),
  };
}

function writeObservations(observations: Observations): void {
  writer.number(observations.length);
  for (const { timeMs, eventId, priceMinor, currency, taxBasisPoints, promoId } of observations) {
    writer.number(timeMs);
    writer.text(eventId);
    writer.number(priceMinor);
    writer.text(currency);
    writer.number(taxBasisPoints);
    writer.text(promoId);
  }
}

function readObservations(): Observation[] {
  const list: Observation[] = [];
  for (let left = reader.number(); left > 0; left -= 1) {
    list.push({
      timeMs: reader.number(),
      eventId: reader.text(),
      priceMinor: reader.number(),
      currency: reader.text(),
      taxBasisPoints: reader.number(),
      promoId: reader.text(),
    });
  }
  return list;
}
