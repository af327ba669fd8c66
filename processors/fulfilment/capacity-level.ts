import {
  type Acknowledgement,
  type Spell,
  unsettledAcknowledgements,
} from '../engine/operator/incident.ts';

/** Shares of a node's capacity that are free, in percent. @see definitions.md §7 */
export const BUFFER_PERCENT = { breach: 15, target: 20 } as const;

/** What a node said of its capacity, in units. */
export interface Reading {
  readonly timeMs: number;
  readonly eventId: string;
  /** At least 1. */
  readonly capacity: number;
  readonly used: number;
}

/** A stretch of event time in which too little was free. */
export interface Breach extends Spell {
  /** The reading with which it began. */
  readonly opening: Reading;
}

/** The capacity of one node in one area. */
export interface NodeCapacity {
  readonly nodeId: string;
  /** The newest reading that can no longer change, and the one with which its breach began. */
  settled: Reading | null;
  opening: Reading | null;
  /** Rising by time and id. */
  readings: readonly Reading[];
  /** Acknowledgements of its breaches; null while there are none. */
  acknowledgements: readonly Acknowledgement[] | null;
}

/** The newest reading; undefined before the first. */
export function newestReading({ settled, readings }: NodeCapacity): Reading | undefined {
  return readings.at(-1) ?? settled ?? undefined;
}

/** Whether less than the least buffer is free; in integers, so that the limit itself is none. */
export function isBreached({ capacity, used }: Reading): boolean {
  return 100 * (capacity - used) < BUFFER_PERCENT.breach * capacity;
}

/** The breaches that can still change, ascending. Of several readings at one instant the greatest id holds. */
export function breachesOf({ opening, readings }: NodeCapacity): readonly Breach[] {
  const breaches: Breach[] = [];
  let begun = opening;
  for (const [index, reading] of readings.entries()) {
    if (readings[index + 1]?.timeMs === reading.timeMs) continue;
    const isNow = isBreached(reading);
    if (begun !== null && !isNow) {
      breaches.push({ opening: begun, openedMs: begun.timeMs, resolvedMs: reading.timeMs });
      begun = null;
    } else if (begun === null && isNow) {
      begun = reading;
    }
  }
  if (begun !== null) breaches.push({ opening: begun, openedMs: begun.timeMs, resolvedMs: null });
  return breaches;
}

/** Puts a reading in its place; false when it is no later than what can no longer change. */
export function takeReading(node: NodeCapacity, taken: Reading): boolean {
  if (node.settled !== null && taken.timeMs <= node.settled.timeMs) return false;
  node.readings = [...node.readings, taken].toSorted(byTime);
  return true;
}

/**
 * Folds what is older than `horizonMs` together, and the oldest readings beyond `readingsMax`; all of
 * one instant at once.
 *
 * @returns whether there were more readings than are kept
 */
export function settle(node: NodeCapacity, horizonMs: number, readingsMax: number): boolean {
  const overflow = node.readings[node.readings.length - readingsMax - 1];
  const untilMs = Math.max(horizonMs, overflow?.timeMs ?? Number.NEGATIVE_INFINITY);
  const old = node.readings.filter(({ timeMs }) => timeMs <= untilMs);
  const last = old.at(-1);
  if (last === undefined) return false;
  const open = breachesOf({ ...node, readings: old }).find(({ resolvedMs }) => resolvedMs === null);
  node.opening = open?.opening ?? null;
  node.settled = last;
  node.readings = node.readings.slice(old.length);
  node.acknowledgements = unsettledAcknowledgements(node.acknowledgements, last.timeMs, open);
  return overflow !== undefined;
}

function byTime(a: Reading, b: Reading): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  return a.eventId < b.eventId ? -1 : 1;
}
