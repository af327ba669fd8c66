import {
  BASIS_POINTS,
  CAUSES,
  type Cause,
  type Comparison,
  type Side,
  type Tolerance,
  causeOf,
  gapUnitsOf,
} from './gap.ts';

/**
 * How a price stands to its reference after a moment: everything that later moments depend on. It is
 * changed in place while a history is walked, and stored as a list of numbers: objects would take
 * twice the memory. Absent instants, sides and causes are 0.
 */
export interface Standing {
  /** Every moment until here is in it. */
  untilMs: number;
  /** The newest moment at which something changed. */
  newestMs: number;
  /** The side that has lasted for a dwell and not been left. */
  status: Side;
  /** When it was entered, and when the run began that led to it. */
  openedMs: number;
  startedMs: number;
  /** One more than the place in `CAUSES`. */
  cause: number;
  /** The gap with which it began, in whole billionths. */
  gapUnits: number;
  /** The run that goes on beyond the tolerance, the exchange rate's own moves inside the band aside. */
  run: Side;
  runSinceMs: number;
  runCause: number;
  runGapUnits: number;
  /** The rate when price or reference last moved the price to where it is. */
  anchorFx: number;
  /** Start of the segment that goes on; 0 while nothing is observed. */
  segmentMs: number;
  /** Since when the feed has been silent for too long; 0 while it is not. */
  staleMs: number;
}

/** A stored standing; empty before the first observation. */
export type StoredStanding = readonly number[];

/** A stretch of event time in which a price was out of parity. */
export interface Drift {
  readonly openedMs: number;
  readonly resolvedMs: number | null;
  readonly startedMs: number;
  readonly side: Side;
  readonly cause: Cause;
  /** The gap with which it began, in whole billionths. */
  readonly gapUnits: number;
}

/** What is observed from a moment on. */
export interface Moment {
  readonly timeMs: number;
  /** How the price compares now, and how it did before; undefined when it did not. */
  readonly after: Comparison;
  readonly before: Comparison | undefined;
  /** Whether price or reference moved, or both came back into sight. */
  readonly isOwnMove: boolean;
  /** Whether that pushed the gap towards its side; also when it came back into sight. */
  readonly isPush: boolean;
}

/** The place of the end within a stored standing. */
const UNTIL = 0;

/** A standing to work with. */
export function openStanding(stored: StoredStanding): Standing {
  const at = (index: number): number => stored[index] ?? 0;
  return {
    untilMs: at(UNTIL),
    newestMs: at(1),
    status: sideAt(at(2)),
    openedMs: at(3),
    startedMs: at(4),
    cause: at(5),
    gapUnits: at(6),
    run: sideAt(at(7)),
    runSinceMs: at(8),
    runCause: at(9),
    runGapUnits: at(10),
    anchorFx: at(11),
    segmentMs: at(12),
    staleMs: at(13),
  };
}

/** A standing as it is stored. */
export function storedStanding(standing: Standing): StoredStanding {
  return [
    standing.untilMs,
    standing.newestMs,
    standing.status,
    standing.openedMs,
    standing.startedMs,
    standing.cause,
    standing.gapUnits,
    standing.run,
    standing.runSinceMs,
    standing.runCause,
    standing.runGapUnits,
    standing.anchorFx,
    standing.segmentMs,
    standing.staleMs,
  ];
}

/** Until when a stored standing goes. */
export function untilMsOf(stored: StoredStanding): number {
  return stored[UNTIL] ?? 0;
}

/** The cause that a number of a standing stands for; undefined for 0. */
export function causeAt(code: number): Cause | undefined {
  return CAUSES[code - 1];
}

/** When the run that goes on will have lasted for the dwell; Infinity when none does, or when it has been entered. */
export function entryMsOf(standing: Standing, dwellMs: number): number {
  return standing.run === 0 || standing.status !== 0
    ? Number.POSITIVE_INFINITY
    : standing.runSinceMs + dwellMs;
}

/** The run has lasted for the dwell. */
export function enter(standing: Standing, openedMs: number): void {
  standing.newestMs = openedMs;
  standing.status = standing.run;
  standing.openedMs = openedMs;
  standing.startedMs = standing.runSinceMs;
  standing.cause = standing.runCause;
  standing.gapUnits = standing.runGapUnits;
}

/** Nothing is observed any more: what is known stays, what had not lasted begins anew later. */
export function lose(standing: Standing): void {
  standing.segmentMs = 0;
  endRun(standing);
}

/** Goes on to a moment. */
export function move(standing: Standing, moment: Moment, tolerance: Tolerance): void {
  const { timeMs, before, after, isOwnMove, isPush } = moment;
  const { fx, side, halfSide } = after;
  if (isOwnMove && (side === 0 || isPush)) standing.anchorFx = fx;
  const fxMove = Math.abs(fx / standing.anchorFx - 1);
  const isBeginning = isPush || fxMove > tolerance.fxBandBasisPoints / BASIS_POINTS;
  if (standing.status !== 0 && halfSide !== standing.status) {
    standing.status = 0;
    standing.openedMs = 0;
    standing.startedMs = 0;
    standing.cause = 0;
    standing.gapUnits = 0;
  }
  standing.staleMs = 0;
  // A rate that moves inside its band begins no run, but it does not end one either.
  if (side === 0 || (side !== standing.run && !isBeginning)) {
    endRun(standing);
  } else if (side !== standing.run) {
    standing.run = side;
    standing.runSinceMs = timeMs;
    standing.runCause = 1 + CAUSES.indexOf(isPush ? causeOf(before, after, side) : 'fx');
    standing.runGapUnits = gapUnitsOf(after.gap);
  }
}

function endRun(standing: Standing): void {
  standing.run = 0;
  standing.runSinceMs = 0;
  standing.runCause = 0;
  standing.runGapUnits = 0;
}

function sideAt(number: number): Side {
  if (number === 0) return 0;
  return number < 0 ? -1 : 1;
}
