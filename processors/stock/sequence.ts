/**
 * The sequence numbers that one source has given to the inventory events of one SKU × node. Which
 * numbers are missing depends on the set of events alone, not on their order of arrival.
 */
export interface SourceSequence {
  readonly source: string;
  /**
   * Every number up to this one has come, or no longer matters because a count at or after a later
   * number has said what was there. Null while no count covers any number.
   */
  floor: number | null;
  /** Runs of consecutive numbers above the floor, rising; null while there are none. */
  runs: SequenceRun[] | null;
}

interface SequenceRun {
  first: number;
  last: number;
  /** The oldest event time in the run: a count at or after it covers everything before the run. */
  oldestMs: number;
}

/** Sources that one SKU × node tells apart; a shop has a few (till, warehouse, correction). */
const SOURCES_MAX = 8;

/** Open gaps kept per source; beyond it the oldest gap is given up, since a count must come anyway. */
const RUNS_MAX = 16;

export type SequenceOutcome = 'ok' | 'STOCK_SOURCE_LIMIT' | 'STOCK_GAP_LIMIT';

/**
 * Takes one number of a source, changing `owner.sequences`.
 *
 * @param countMs the event time of the newest count, −Infinity without one
 * @returns `ok`, or which bound was reached
 */
export function noteSequenceNumber(
  owner: { sequences: SourceSequence[] | null },
  number: { readonly source: string; readonly seq: number; readonly timeMs: number },
  countMs: number,
): SequenceOutcome {
  const sequences = owner.sequences ?? [];
  let sequence = sequences.find(({ source }) => source === number.source);
  if (sequence === undefined) {
    if (sequences.length >= SOURCES_MAX) return 'STOCK_SOURCE_LIMIT';
    sequence = { source: number.source, floor: null, runs: null };
    // Unlike a push, this leaves no room for sixteen sources more.
    owner.sequences = sequences.concat(sequence);
  }
  if (sequence.floor !== null && number.seq <= sequence.floor) return 'ok';
  if (sequence.floor === number.seq - 1) raiseFloor(sequence, number.seq);
  else insertNumber((sequence.runs ??= []), number.seq, number.timeMs);
  coverOne(sequence, countMs);
  if (sequence.runs === null || sequence.runs.length <= RUNS_MAX) return 'ok';
  raiseFloor(sequence, sequence.runs[0]?.last ?? number.seq);
  return 'STOCK_GAP_LIMIT';
}

/** Closes every gap that lies before an event at or before `countMs`, the newest count's time. */
export function coverSequences(sequences: readonly SourceSequence[], countMs: number): void {
  for (const sequence of sequences) coverOne(sequence, countMs);
}

/** Whether a number that matters has not come. */
export function hasSequenceGap(sequences: readonly SourceSequence[]): boolean {
  for (const { floor, runs } of sequences) {
    if (runs !== null && runs.length > (floor === null ? 1 : 0)) return true;
  }
  return false;
}

function coverOne(sequence: SourceSequence, countMs: number): void {
  const covered = sequence.runs?.findLast(({ oldestMs }) => oldestMs <= countMs);
  if (covered !== undefined) raiseFloor(sequence, covered.last);
}

function raiseFloor(sequence: SourceSequence, to: number): void {
  let floor = to;
  let passedCount = 0;
  for (const run of sequence.runs ?? []) {
    if (run.first > floor + 1) break;
    floor = Math.max(floor, run.last);
    passedCount += 1;
  }
  sequence.floor = floor;
  if (sequence.runs === null || passedCount === 0) return;
  sequence.runs = passedCount < sequence.runs.length ? sequence.runs.slice(passedCount) : null;
}

function insertNumber(runs: SequenceRun[], seq: number, timeMs: number): void {
  let at = runs.length;
  while (at > 0 && seq < (runs[at - 1]?.first ?? seq)) at -= 1;
  const before = runs[at - 1];
  const after = runs[at];
  if (before !== undefined && seq <= before.last + 1) {
    before.last = Math.max(before.last, seq);
    before.oldestMs = Math.min(before.oldestMs, timeMs);
    if (after !== undefined && before.last + 1 === after.first) {
      before.last = after.last;
      before.oldestMs = Math.min(before.oldestMs, after.oldestMs);
      runs.splice(at, 1);
    }
  } else if (after !== undefined && seq + 1 === after.first) {
    after.first = seq;
    after.oldestMs = Math.min(after.oldestMs, timeMs);
  } else {
    runs.splice(at, 0, { first: seq, last: seq, oldestMs: timeMs });
  }
}
