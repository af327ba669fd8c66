import {
  type Instant,
  type Spells,
  type StepContext,
  addEnded,
  currentSpells,
  lastRisks,
  step,
} from './level.ts';
import { NEWEST_MS, type Position, slot } from './position.ts';

/**
 * What follows from the kept part of a timeline: recomputable, and remembered because a busy SKU keeps
 * thousands of instants. An instant that comes out of order rewinds to the mark before it and goes on
 * from there, so that it costs what comes after it and not what is kept.
 */
export interface Course {
  /** Positions on the way, rising: one every 8 instants near the end, one every 64 before. */
  marks: Position[];
  /** How many of the last marks are 8 instants apart. */
  closeMarks: number;
  /** Instants passed since the last mark. */
  sinceMark: number;
  /** The position after everything. */
  newest: Position;
  /** Spells that ended in the kept part, and the folded risk that can come back; oldest first. */
  ended: Spells;
}

const CLOSE_INSTANTS = 8;
/** Close marks for one that stays. */
const CLOSE_PER_FAR = 8;
/** Twice as many, so that there is always a run of close ones. */
const CLOSE_MARKS_MAX = 2 * CLOSE_PER_FAR;

/** Numbers of a spell, about. */
const SPELL_LENGTH = 8;

/** A course that has passed nothing but the folded part. */
export function startCourse(folded: Position): Course {
  return {
    marks: [],
    closeMarks: 0,
    sinceMark: 0,
    newest: folded.slice(),
    ended: { outages: [], risks: lastRisks(folded) },
  };
}

/** Moves the course over an instant after everything it has passed. */
export function advanceCourse(course: Course, instant: Instant, context: StepContext): void {
  const before = currentSpells(course.newest);
  step(course.newest, instant, context);
  addEnded(course.ended, before, course.newest);
  course.sinceMark += 1;
  if (course.sinceMark === CLOSE_INSTANTS) mark(course);
}

/**
 * Takes the course back to before `timeMs`, which is after the folded part: it has passed nothing at it or
 * after it then.
 */
export function rewindCourse(course: Course, timeMs: number, folded: Position): void {
  if (slot(course.newest, NEWEST_MS) < timeMs) return;
  const { marks } = course;
  const kept = marks.findLastIndex((position) => slot(position, NEWEST_MS) < timeMs) + 1;
  course.closeMarks = Math.max(0, course.closeMarks - (marks.length - kept));
  marks.length = kept;
  const from = marks.at(-1) ?? folded;
  course.newest = from.slice();
  course.sinceMark = 0;
  course.ended = endedUntil(course.ended, from);
}

/** The course without what lies in the folded part; null when it has passed nothing else. */
export function foldedCourse(course: Course, folded: Position): Course | null {
  const foldedMs = slot(folded, NEWEST_MS);
  if (slot(course.newest, NEWEST_MS) <= foldedMs) return null;
  const { marks, ended } = course;
  const first = marks.findIndex((position) => slot(position, NEWEST_MS) > foldedMs);
  if (first !== 0) marks.splice(0, first === -1 ? marks.length : first);
  course.closeMarks = Math.min(course.closeMarks, marks.length);
  const hasGone = isWithin(ended.outages[0], foldedMs) || isWithin(ended.risks[0], foldedMs);
  if (hasGone) course.ended = endedAfter(ended, folded);
  return course;
}

/** How many numbers are held, for the memory bound. */
export function heldOfCourse({ marks, newest, ended }: Course): number {
  const spells = ended.outages.length + ended.risks.length;
  return (marks.length + 1) * newest.length + spells * SPELL_LENGTH;
}

function mark(course: Course): void {
  course.marks.push(course.newest.slice());
  course.sinceMark = 0;
  course.closeMarks += 1;
  if (course.closeMarks < CLOSE_MARKS_MAX) return;
  // Of the older half of the close ones the last stays, so that the distances remain as they are.
  course.marks.splice(-CLOSE_MARKS_MAX, CLOSE_PER_FAR - 1);
  course.closeMarks = CLOSE_PER_FAR;
}

/** What had ended by a position of the course. */
function endedUntil({ outages, risks }: Spells, position: Position): Spells {
  const untilMs = slot(position, NEWEST_MS);
  const [last] = lastRisks(position);
  return {
    outages: outages.filter((outage) => isWithin(outage, untilMs)),
    // A risk that came back later is one with the one before: as it was, only the position knows.
    risks: risks
      .filter((risk) => isWithin(risk, untilMs) && risk.openedMs !== last?.openedMs)
      .concat(last ?? []),
  };
}

/** What ended after a position of the course, with the risk that could still come back then. */
function endedAfter({ outages, risks }: Spells, position: Position): Spells {
  const afterMs = slot(position, NEWEST_MS);
  const [last] = lastRisks(position);
  const later = risks.filter((risk) => !isWithin(risk, afterMs));
  const isBack = last === undefined || later[0]?.openedMs === last.openedMs;
  return {
    outages: outages.filter((outage) => !isWithin(outage, afterMs)),
    risks: isBack ? later : [last, ...later],
  };
}

function isWithin(
  spell: { readonly resolvedMs: number | null } | undefined,
  untilMs: number,
): boolean {
  return spell !== undefined && (spell.resolvedMs ?? Number.POSITIVE_INFINITY) <= untilMs;
}
