import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { type Session, addToSessions, mergedSessions } from '../engine/window/session.ts';
import {
  CELL_WIDTH,
  type Cells,
  addToCells,
  collectChannelIndexes,
  dayToKeepFromMs,
  hasCell,
  keptCells,
  mergedCells,
} from './cells.ts';

/** What is remembered of one visitor: enough to correct and to withdraw all it has contributed. */
export interface Visits {
  /** Names of the visitor's channels; cells and sessions refer to them by index. */
  channels: string[];
  cells: Cells;
  /** Start and end in UTC milliseconds and channel index of each session, oldest first, flat. */
  sessions: number[];
  /**
   * Clicks before this instant (UTC milliseconds, start of a day) can no longer be matched with what
   * was forgotten at `CELLS_MAX`; 0 while nothing was.
   */
  forgottenToMs: number;
}

export interface VisitsConfig {
  readonly sessionGapMs: number;
  readonly allowedLatenessMs: number;
  /** How far behind the watermark a verdict may still withdraw clicks, beyond the lateness; whole days. */
  readonly withdrawalReachMs: number;
}

/**
 * Most cells of one visitor: every minute of a day in nearly three channels. Only a machine has more
 * within the lateness; the bound keeps its state below 100 kB. Beyond it the oldest days are
 * forgotten: they stay counted, but clicks that come late for them change clicks only.
 */
export const CELLS_MAX = 4_096;
/** Most channels of one visitor: more than any shop has; a sender of random names must not grow the state. */
export const CHANNELS_MAX = 64;
/** How many new cells lie between two searches for days that no event can reach any more. */
const SWEEP_EVERY_CELLS = 64;
const SESSION_WIDTH = 3;

export function createVisits(): Visits {
  return { channels: [], cells: [], sessions: [], forgottenToMs: 0 };
}

/** Called with +1 for a session that came into being and −1 for one that is no longer. */
export type OnSession = (startMs: number, channel: string, amount: number) => void;

/** The click cannot be matched with the visitor's history, which is full. */
export const UNMATCHED = -1;

/**
 * Adds a net click. Returns for which of minute, hour and day the visitor is new in the channel, as
 * bits (`NEW_IN_MINUTE` …), or `UNMATCHED` when a limit keeps the click out of visitors and sessions.
 */
export function addVisit(
  visits: Visits,
  click: {
    readonly channel: string;
    readonly timeMs: number;
    readonly isAddToCart: boolean;
    readonly watermarkMs: number;
  },
  config: VisitsConfig,
  onSession: OnSession,
): number {
  const { channel, timeMs } = click;
  let channelIndex = visits.channels.indexOf(channel);
  if (channelIndex < 0 || isTimeToMakeRoom(visits, channelIndex, timeMs)) {
    makeRoom(visits, click, config);
    channelIndex = visits.channels.indexOf(channel);
    const isFull = visits.cells.length >= CELLS_MAX * CELL_WIDTH;
    if (isFull || (channelIndex < 0 && visits.channels.length >= CHANNELS_MAX)) return UNMATCHED;
  }
  if (timeMs < visits.forgottenToMs) return UNMATCHED;
  if (channelIndex < 0) {
    channelIndex = visits.channels.length;
    visits.channels = visits.channels.toSpliced(channelIndex, 0, channel);
  }
  const news = addToCells(visits, { channelIndex, timeMs, isAddToCart: click.isAddToCart });
  addSession(visits, { timeMs, channelIndex }, config, onSession);
  return news;
}

/** Calls `visit` with the start in UTC milliseconds and the channel of every session, oldest first. */
export function forEachSession(
  { sessions, channels }: Visits,
  visit: (startMs: number, channel: string) => void,
): void {
  for (let at = 0; at < sessions.length; at += SESSION_WIDTH) {
    visit(sessions[at] ?? 0, channels[sessions[at + 2] ?? 0] ?? '');
  }
}

/** Makes `visits` what it would be if the clicks of both had come to it; `other` may be changed. */
export function mergeVisits(visits: Visits, other: Visits, { sessionGapMs }: VisitsConfig): void {
  const channels = [...new Set([...visits.channels, ...other.channels])];
  const places = other.channels.map((channel) => channels.indexOf(channel));
  const sessionsOf = (flat: readonly number[], placeOf: (index: number) => number) => {
    const sessions: Session<number>[] = [];
    for (let at = 0; at < flat.length; at += SESSION_WIDTH) {
      const [startMs = 0, endMs = 0, first = 0] = flat.slice(at, at + SESSION_WIDTH);
      sessions.push({ startMs, endMs, first: placeOf(first) });
    }
    return sessions;
  };
  const sessions = mergedSessions(
    sessionsOf(visits.sessions, (index) => index),
    sessionsOf(other.sessions, (index) => places[index] ?? 0),
    { gapMs: sessionGapMs, isBefore: (a, b) => (channels[a] ?? '') < (channels[b] ?? '') },
  );
  visits.channels = channels;
  visits.cells = mergedCells(visits.cells, other.cells, places);
  visits.sessions = sessions.flatMap(({ startMs, endMs, first }) => [startMs, endMs, first]);
  visits.forgottenToMs = Math.max(visits.forgottenToMs, other.forgottenToMs);
}

/** The watermark from which on no event can change what `visits` holds. */
export function visitsExpireAtMs(visits: Visits, config: VisitsConfig): number {
  const newestMs = visits.sessions.at(-2);
  if (newestMs === undefined) return Number.NEGATIVE_INFINITY;
  return (
    config.allowedLatenessMs +
    Math.max(endOfDay(newestMs), sessionClosedAtMs(newestMs, config.sessionGapMs))
  );
}

/** A rough size in memory, bytes. */
export function visitsBytes(visits: Visits): number {
  const { channels, cells, sessions } = visits;
  // One object and three arrays with their headers, 8 bytes per number, a short string per channel.
  return 180 + 8 * (cells.length + sessions.length) + 40 * channels.length;
}

function isTimeToMakeRoom(visits: Visits, channelIndex: number, timeMs: number): boolean {
  const cellCount = visits.cells.length / CELL_WIDTH;
  if (cellCount === 0 || cellCount % SWEEP_EVERY_CELLS !== 0) return false;
  return !hasCell(visits.cells, channelIndex, timeMs);
}

/** Drops what no event and no verdict can reach any more, then, at the limit, the oldest days. */
function makeRoom(
  visits: Visits,
  click: { readonly timeMs: number; readonly watermarkMs: number },
  config: VisitsConfig,
): void {
  if (visits.cells.length < SWEEP_EVERY_CELLS * CELL_WIDTH) return;
  const reachableMs = click.watermarkMs - config.allowedLatenessMs - config.withdrawalReachMs;
  keepFrom(visits, {
    dayMs: Math.floor(reachableMs / DAY_MS) * DAY_MS,
    sessionEndMs: reachableMs - config.sessionGapMs - MINUTE_MS,
  });
  if (visits.cells.length < CELLS_MAX * CELL_WIDTH) return;
  const keepFromMs = dayToKeepFromMs(visits.cells, click.timeMs, CELLS_MAX / 2);
  if (keepFromMs <= visits.forgottenToMs) return;
  visits.forgottenToMs = keepFromMs;
  // A session that a remembered click may still join stays, whatever its day.
  keepFrom(visits, { dayMs: keepFromMs, sessionEndMs: keepFromMs - config.sessionGapMs });
}

/** Keeps cells of days from `dayMs` on, sessions that end at `sessionEndMs` or later, and their channels. */
function keepFrom(
  visits: Visits,
  limits: { readonly dayMs: number; readonly sessionEndMs: number },
): void {
  const { sessions } = visits;
  let first = 0;
  while (first < sessions.length && (sessions[first + 1] ?? 0) < limits.sessionEndMs) {
    first += SESSION_WIDTH;
  }
  const keptSessions = sessions.slice(first);
  const used = new Set<number>();
  collectChannelIndexes(visits.cells, limits.dayMs, used);
  for (let at = 2; at < keptSessions.length; at += SESSION_WIDTH) used.add(keptSessions[at] ?? 0);
  const indexes = [...used].toSorted((a, b) => a - b);
  for (let at = 2; at < keptSessions.length; at += SESSION_WIDTH) {
    keptSessions[at] = indexes.indexOf(keptSessions[at] ?? 0);
  }
  visits.cells = keptCells(visits.cells, limits.dayMs, indexes);
  visits.sessions = keptSessions;
  visits.channels = indexes.map((index) => visits.channels[index] ?? '');
}

function addSession(
  visits: Visits,
  click: { readonly timeMs: number; readonly channelIndex: number },
  config: VisitsConfig,
  onSession: OnSession,
): void {
  const { sessions, channels } = visits;
  const { timeMs, channelIndex } = click;
  const gapMs = config.sessionGapMs;
  const lastStartMs = sessions.at(-3) ?? 0;
  const lastEndMs = sessions.at(-2) ?? Number.NEGATIVE_INFINITY;
  if (timeMs > lastEndMs + gapMs) {
    visits.sessions = sessions.toSpliced(sessions.length, 0, timeMs, timeMs, channelIndex);
    onSession(timeMs, channels[channelIndex] ?? '', 1);
    return;
  }
  if (timeMs > lastStartMs) {
    if (timeMs > lastEndMs) sessions[sessions.length - 2] = timeMs;
    return;
  }
  // A late click: it may move the start of a session, or join two. Only the last two that start
  // within its reach can change.
  let end = sessions.length;
  while (end > 0 && timeMs < (sessions[end - 3] ?? 0) - gapMs) end -= SESSION_WIDTH;
  const start = Math.max(0, end - 2 * SESSION_WIDTH);
  const near: Session<number>[] = [];
  for (let at = start; at < end; at += SESSION_WIDTH) {
    const [startMs = 0, endMs = 0, first = 0] = sessions.slice(at, at + SESSION_WIDTH);
    near.push({ startMs, endMs, first });
  }
  const before = near.map((session) => ({ ...session }));
  addToSessions(
    near,
    { timeMs, first: channelIndex },
    { gapMs, isBefore: (a, b) => (channels[a] ?? '') < (channels[b] ?? '') },
  );
  for (const session of before) {
    if (!near.some((other) => isCountedAlike(session, other))) {
      onSession(session.startMs, channels[session.first] ?? '', -1);
    }
  }
  for (const session of near) {
    if (!before.some((other) => isCountedAlike(session, other))) {
      onSession(session.startMs, channels[session.first] ?? '', 1);
    }
  }
  visits.sessions = sessions.toSpliced(
    start,
    end - start,
    ...near.flatMap(({ startMs, endMs, first }) => [startMs, endMs, first]),
  );
}

/** Whether two sessions are counted in the same minute and channel, so that one may stand for the other. */
function isCountedAlike(a: Session<number>, b: Session<number>): boolean {
  return (
    a.first === b.first && Math.floor(a.startMs / MINUTE_MS) === Math.floor(b.startMs / MINUTE_MS)
  );
}

function endOfDay(instantMs: number): number {
  return (Math.floor(instantMs / DAY_MS) + 1) * DAY_MS;
}

/** From here on no click belongs to a session that ended at `endMs`; a minute more, as late events are refused by the minute. */
function sessionClosedAtMs(endMs: number, gapMs: number): number {
  return endMs + gapMs + MINUTE_MS;
}
