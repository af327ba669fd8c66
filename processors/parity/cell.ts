import type { AlertOwners } from '../../schemas/alert.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { type Acknowledgement, withAcknowledgement } from '../engine/operator/incident.ts';
import type { Output } from '../engine/operator/operator.ts';
import {
  type Course,
  type History,
  type ParityRules,
  type Segment,
  type Sources,
  historiesOf,
  historyOf,
  newestMsOf,
  standingAt,
} from './history.ts';
import { writeIncidents } from './incident.ts';
import { type Observation, type Observations, forgetObservations } from './observations.ts';
import type { Rates } from './rates.ts';
import { PARITY_CURRENT, PARITY_SEGMENTS } from './row.ts';
import { type StoredStanding, openStanding, storedStanding, untilMsOf } from './standing.ts';
import { currentValues, segmentValues } from './values.ts';

/** The prices of one SKU on one channel. */
export interface Cell {
  readonly channel: string;
  observations: Observations;
  /** Where the kept observations begin: what lies before can no longer change. */
  start: StoredStanding;
  /** How the channel stands at `writtenMs`: what is later goes on from here. */
  now: StoredStanding;
  /** How far the rows have been written: until when, and with how many of the rates. */
  writtenMs: number;
  ratesVersion: number;
  /** When time alone changes something next; 0 when it does not. */
  nextMs: number;
  /** Acknowledgements of its incidents; null while there are none. */
  acknowledgements: readonly Acknowledgement[] | null;
}

/** What a cell is looked at with. Valid only during the call. */
export interface Look {
  readonly sku: string;
  readonly reference: Observations;
  readonly rates: Rates;
  readonly rules: ParityRules;
  readonly watermarkMs: number;
  readonly referenceChannel: string;
  readonly owners: AlertOwners;
  readonly output: Output;
}

/** Observations of one channel kept while they can still be corrected: a price every six minutes for a day. */
export const OBSERVATIONS_MAX = 256;

/** A standing that is this far behind the horizon is moved up although nothing is forgotten by it. */
const START_BEHIND_MS = DAY_MS;

/** Observations that are forgotten together: each time costs a walk. */
const FORGOTTEN_MIN = 2;

/** One for all, because most cells begin with it. */
const NO_STANDING: StoredStanding = [];

/** A cell of which nothing is known yet. */
export function createCell(channel: string): Cell {
  return {
    channel,
    observations: [],
    start: NO_STANDING,
    now: NO_STANDING,
    writtenMs: 0,
    ratesVersion: 0,
    nextMs: 0,
    acknowledgements: null,
  };
}

/** What the rows of the cell say. */
export function writtenHistory(cell: Cell, look: Look): History {
  return historyOf(
    {
      observations: cell.observations,
      reference: look.reference,
      rates: look.rates,
      ratesVersion: cell.ratesVersion,
    },
    look.rules,
    { start: cell.start, untilMs: cell.writtenMs },
  );
}

/** Writes what the cell's sources make of it now, where it differs from `before`. */
export function rewrite(cell: Cell, before: Course, look: Look): void {
  const sources = sourcesOf(cell, look);
  const untilMs = writtenUntilMs(cell, sources, look);
  writeRows(cell, [before, historyOf(sources, look.rules, { start: cell.start, untilMs })], look);
}

/**
 * The same when everything new is later than what has been written: the walk goes over that alone,
 * unless an acknowledgement could mistake a new incident for one that is over.
 */
export function extend(cell: Cell, look: Look): void {
  const sources = sourcesOf(cell, look);
  const span = {
    start: cell.acknowledgements === null ? cell.now : cell.start,
    untilMs: cell.writtenMs,
    laterMs: writtenUntilMs(cell, sources, look),
  };
  writeRows(cell, historiesOf(sources, look.rules, span), look);
}

function sourcesOf({ observations }: Cell, { reference, rates }: Look): Sources {
  return { observations, reference, rates, ratesVersion: rates.version };
}

function writtenUntilMs(cell: Cell, sources: Sources, { watermarkMs }: Look): number {
  return Math.max(newestMsOf(sources), cell.writtenMs, watermarkMs);
}

function writeRows(cell: Cell, [before, after]: readonly [Course, History], look: Look): void {
  const { output, sku, referenceChannel, owners, rates } = look;
  const key = { sku, channel: cell.channel, referenceChannel };
  writeSegments(before.segments, after.segments, (segment, isWithdrawn) => {
    output.upsert(PARITY_SEGMENTS, segmentValues(key, segment, isWithdrawn));
  });
  output.upsert(PARITY_CURRENT, currentValues(key, after));
  const acknowledgements = cell.acknowledgements ?? [];
  writeIncidents(
    { history: before, acknowledgements },
    { history: after, acknowledgements },
    { ...key, owners, output },
  );
  cell.now = storedStanding(after.standing);
  cell.writtenMs = after.standing.untilMs;
  cell.ratesVersion = rates.version;
  cell.nextMs = after.nextMs === Number.POSITIVE_INFINITY ? 0 : after.nextMs;
}

/** Takes what a person did about one of the cell's incidents. */
export function takeAcknowledgement(cell: Cell, taken: Acknowledgement, look: Look): void {
  const history = writtenHistory(cell, look);
  const before = cell.acknowledgements ?? [];
  const after = withAcknowledgement(before, taken);
  cell.acknowledgements = after;
  const { sku, referenceChannel, owners, output } = look;
  writeIncidents(
    { history, acknowledgements: before },
    { history, acknowledgements: after },
    { sku, channel: cell.channel, referenceChannel, owners, output },
  );
}

/**
 * Forgets what can no longer change; returns whether it forgot something.
 *
 * @param options.isForced also where little is gained, because the reference has too much to keep
 */
export function settle(
  cell: Cell,
  look: Look,
  { horizonMs, isForced }: { readonly horizonMs: number; readonly isForced: boolean },
): boolean {
  const { observations, start } = cell;
  const overflow = observations[observations.length - OBSERVATIONS_MAX];
  const untilMs = Math.min(cell.writtenMs, Math.max(horizonMs, overflow?.timeMs ?? 0));
  const isForgetting = (observations[FORGOTTEN_MIN]?.timeMs ?? Infinity) <= untilMs;
  if (!isForgetting && !isForced && untilMs - untilMsOf(start) < START_BEHIND_MS) return false;
  if (untilMs <= untilMsOf(start)) return false;
  const { reference, rates, rules } = look;
  const sources = { observations, reference, rates, ratesVersion: cell.ratesVersion };
  cell.start = storedStanding(standingAt(sources, rules, { start, untilMs }));
  cell.observations = forgetObservations(observations, untilMs);
  cell.acknowledgements = keptAcknowledgements(cell, untilMs);
  return true;
}

/** Those of incidents that go on, and of incidents that can still change. */
function keptAcknowledgements(cell: Cell, untilMs: number): Cell['acknowledgements'] {
  if (cell.acknowledgements === null) return null;
  const { openedMs, status, staleMs } = openStanding(cell.start);
  const kept = cell.acknowledgements.filter(
    (each) =>
      each.openedMs > untilMs ||
      each.timeMs > untilMs ||
      (status !== 0 && each.openedMs >= openedMs) ||
      (staleMs !== 0 && each.openedMs >= staleMs),
  );
  return kept.length === 0 ? null : kept;
}

/** Whether an observation is later than everything that has been written, and no rate is news. */
export function canExtend(cell: Cell, taken: Observation, { rates }: Look): boolean {
  return taken.timeMs > cell.writtenMs && cell.ratesVersion === rates.version;
}

/** Whether an exchange rate can concern the cell. */
export function isForeign(cell: Cell, reference: Observations): boolean {
  return cell.observations.some(({ currency }) =>
    reference.some((other) => other.currency !== currency),
  );
}

/** Whether a new observation can still be put in its place. */
export function canTake(cell: Cell, taken: Observation): boolean {
  return taken.timeMs > untilMsOf(cell.start);
}

/** Writes the segments that differ; both lists rise by when they started. */
function writeSegments(
  before: readonly Segment[],
  after: readonly Segment[],
  write: (segment: Segment, isWithdrawn: boolean) => void,
): void {
  let old = 0;
  for (const segment of after) {
    let written = before[old];
    while (written !== undefined && written.startedMs < segment.startedMs) {
      write(written, true);
      old += 1;
      written = before[old];
    }
    if (written?.startedMs === segment.startedMs) {
      old += 1;
      if (isSameSegment(written, segment)) continue;
    }
    write(segment, false);
  }
  for (const segment of before.slice(old)) write(segment, true);
}

function isSameSegment(a: Segment, b: Segment): boolean {
  return (
    a.staleMs === b.staleMs && a.fx === b.fx && a.price === b.price && a.reference === b.reference
  );
}
