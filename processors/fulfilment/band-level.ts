import { HOUR_MS } from '../../schemas/time.ts';
import { wilsonInterval } from '../../schemas/wilson.ts';
import {
  type Acknowledgement,
  type Spell,
  unsettledAcknowledgements,
} from '../engine/operator/incident.ts';
import { type BandFact, JUDGED_HOURS } from './band-fact.ts';
import type { Band } from './row.ts';

/** Orders of the judged day that a verdict needs: of fewer, chance alone may have delayed most. */
const ORDERS_MIN = 20;

/** Orders of the judged day, and those of them that were delivered within the hours of the band. */
export interface BandCounts {
  readonly placed: number;
  readonly delivered: number;
}

/** What joins and leaves the judged day at a full hour, counted from the epoch. */
interface BandChange extends BandCounts {
  readonly hour: number;
}

/** How many orders of a zone are delivered within some hours, at every full hour. */
export interface BandLevel {
  readonly hours: Band['hours'];
  /** Up to this hour nothing can change any more, and what holds at it. */
  settledHour: number;
  settled: BandCounts;
  /** What held when the band was broken that still is at `settledHour`; null when it is not. */
  opening: BandChange | null;
  /** Rising by hour, at most one of each. */
  changes: readonly BandChange[];
  /** Acknowledgements of its incidents; null while there are none. */
  acknowledgements: readonly Acknowledgement[] | null;
}

/** A stretch of event time in which a band was broken. */
export interface BrokenBand extends Spell {
  readonly opening: BandChange;
}

/** The level of a band of which nothing is known yet. */
export function createBandLevel(hours: Band['hours']): BandLevel {
  return {
    hours,
    settledHour: 0,
    settled: { placed: 0, delivered: 0 },
    opening: null,
    changes: [],
    acknowledgements: null,
  };
}

/** The first full hour that a fact changes. */
export function firstHourOf({ hours }: BandLevel, fact: BandFact): number {
  // By then the hours are over, whenever the order was placed within its hour.
  const judgedHour = fact.placedHour + hours + 1;
  return Math.max(judgedHour, fact.cancelledHour ?? judgedHour);
}

/**
 * Counts a fact, or takes it back with −1. At each full hour the orders are judged that were placed in
 * the newest 24 hours that are old enough, as what was known then: a cancellation counts from the next
 * full hour on. So an event changes no hour before itself.
 */
export function countFact(level: BandLevel, fact: BandFact, sign: number): void {
  const { placedHour, withinHours, cancelledHour } = fact;
  const fromHour = firstHourOf(level, fact);
  const untilHour = placedHour + level.hours + 1 + JUDGED_HOURS;
  const isOfBand = withinHours === null || withinHours <= level.hours;
  if (fromHour >= untilHour || !isOfBand) return;
  const placed = withinHours === null ? (cancelledHour === null ? sign : -sign) : 0;
  const delivered = withinHours === null ? 0 : sign;
  addChange(level, fromHour, { placed, delivered });
  addChange(level, untilHour, { placed: -placed, delivered: -delivered });
}

/** Stretches until `untilHour` in which the band was broken and that can still change, ascending. */
export function brokenBandsOf(
  level: BandLevel,
  { low }: Pick<Band, 'low'>,
  untilHour: number,
): readonly BrokenBand[] {
  const broken: BrokenBand[] = [];
  let begun = level.opening;
  let counts = level.settled;
  for (const change of level.changes) {
    if (change.hour > untilHour) break;
    counts = sumOf(counts, change);
    if (begun === null && isBroken(counts, low)) {
      begun = { hour: change.hour, ...counts };
    } else if (begun !== null && isKept(counts, low)) {
      broken.push(brokenFrom(begun, change.hour));
      begun = null;
    }
  }
  if (begun !== null) broken.push(brokenFrom(begun, null));
  return broken;
}

/** The first hour after `hour` at which something changes; undefined when nothing will. */
export function nextChangeAfter({ changes }: BandLevel, hour: number): number | undefined {
  return changes.find((change) => change.hour > hour)?.hour;
}

/** Folds what is not later than `hour` together. */
export function settleBand(level: BandLevel, band: Pick<Band, 'low'>, hour: number): void {
  const kept = level.changes.findIndex((change) => change.hour > hour);
  const old = kept < 0 ? level.changes : level.changes.slice(0, kept);
  if (old.length === 0) return;
  const open = brokenBandsOf(level, band, hour).find(({ resolvedMs }) => resolvedMs === null);
  level.opening = open?.opening ?? null;
  level.settled = old.reduce<BandCounts>(sumOf, level.settled);
  level.changes = level.changes.slice(old.length);
  level.settledHour = hour;
  level.acknowledgements = unsettledAcknowledgements(level.acknowledgements, hour * HOUR_MS, open);
}

/** Chance alone does not explain it: Wilson's whole interval lies below the band. */
function isBroken({ placed, delivered }: BandCounts, low: number): boolean {
  const interval = placed < ORDERS_MIN ? undefined : wilsonInterval(delivered, placed);
  return interval !== undefined && interval.high < low;
}

/** Less than this and more than broken is neither: so chance neither ends an incident nor begins one. */
function isKept({ placed, delivered }: BandCounts, low: number): boolean {
  return placed <= 0 || delivered >= low * placed;
}

function brokenFrom(opening: BandChange, resolvedHour: number | null): BrokenBand {
  const resolvedMs = resolvedHour === null ? null : resolvedHour * HOUR_MS;
  return { opening, openedMs: opening.hour * HOUR_MS, resolvedMs };
}

/** What was placed too long ago to change a judged hour still joins and leaves the counts. */
function addChange(level: BandLevel, hour: number, counts: BandCounts): void {
  if (hour <= level.settledHour) {
    level.settled = sumOf(level.settled, counts);
    return;
  }
  const { changes } = level;
  const at = changes.findLastIndex((change) => change.hour <= hour);
  const same = changes[at];
  if (same?.hour !== hour) {
    level.changes = changes.toSpliced(at + 1, 0, { hour, ...counts });
    return;
  }
  level.changes = changes.toSpliced(at, 1, { hour, ...sumOf(same, counts) });
}

function sumOf(a: BandCounts, b: BandCounts): BandCounts {
  return { placed: a.placed + b.placed, delivered: a.delivered + b.delivered };
}
