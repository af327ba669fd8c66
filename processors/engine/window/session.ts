/**
 * One visitor's sessions, oldest first: runs of events with gaps of at most `gapMs`, each with its
 * first event. Insertion in any order gives the same list, which is what makes late events exact.
 */
export interface Session<First> {
  startMs: number;
  endMs: number;
  /** The session's first event, in a form of the owner's choice. */
  first: First;
}

/**
 * Adds an event to `sessions` in place: it extends one, joins two, or starts one.
 *
 * @param isBefore whether `a` comes before `b` when both have the same event time
 */
export function addToSessions<First>(
  sessions: Session<First>[],
  event: { readonly timeMs: number; readonly first: First },
  options: { readonly gapMs: number; readonly isBefore: (a: First, b: First) => boolean },
): void {
  const { timeMs, first } = event;
  const { gapMs, isBefore } = options;
  let index = sessions.length;
  while (index > 0 && timeMs < sessionAt(sessions, index - 1).startMs - gapMs) index -= 1;
  const before = index > 0 ? sessionAt(sessions, index - 1) : undefined;
  if (before === undefined || timeMs > before.endMs + gapMs) {
    sessions.splice(index, 0, { startMs: timeMs, endMs: timeMs, first });
    return;
  }
  if (timeMs < before.startMs || (timeMs === before.startMs && isBefore(first, before.first))) {
    before.startMs = timeMs;
    before.first = first;
  }
  if (timeMs > before.endMs) before.endMs = timeMs;
  const earlier = index > 1 ? sessionAt(sessions, index - 2) : undefined;
  if (earlier !== undefined && before.startMs <= earlier.endMs + gapMs) {
    earlier.endMs = Math.max(earlier.endMs, before.endMs);
    sessions.splice(index - 1, 1);
  }
}

function sessionAt<First>(sessions: readonly Session<First>[], index: number): Session<First> {
  const session = sessions[index];
  if (session === undefined) throw new RangeError(`no session at ${index}`);
  return session;
}

/** The sessions of two lists as those of one visitor; both lists stay as they are. */
export function mergedSessions<First>(
  one: readonly Session<First>[],
  other: readonly Session<First>[],
  options: { readonly gapMs: number; readonly isBefore: (a: First, b: First) => boolean },
): Session<First>[] {
  const merged: Session<First>[] = [];
  const isEarlier = (a: Session<First>, b: Session<First>): number =>
    a.startMs - b.startMs || (options.isBefore(a.first, b.first) ? -1 : 1);
  for (const session of [...one, ...other].toSorted(isEarlier)) {
    const last = merged.at(-1);
    if (last === undefined || session.startMs > last.endMs + options.gapMs)
      merged.push({ ...session });
    else last.endMs = Math.max(last.endMs, session.endMs);
  }
  return merged;
}
