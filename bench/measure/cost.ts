import { readFileSync, readdirSync } from 'node:fs';

/** What some work has cost a process. CPU time is robust on a busy machine, wall time is not. */
export interface Cost {
  readonly wallMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** User CPU time by kind of thread; empty where the system does not tell. */
  readonly threadUserMs: Readonly<Partial<Record<ThreadKind, number>>>;
}

/**
 * Threads by what they do: our code, the door where it has one of its own, V8's garbage collection,
 * libuv's pool, and ClickHouse's.
 */
export type ThreadKind = 'main' | 'door' | 'collector' | 'pool' | 'clickhouse';

/** Linux counts a thread's time in ticks of a hundredth of a second. */
const TICK_MS = 10;
/** Places in a `stat` file of `/proc` after the name: user and system time in ticks. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/**
 * Starts to measure a process, by default this one; the returned function says what was spent since.
 * Of other processes only Linux tells.
 */
export function startCost(pid = process.pid): () => Cost {
  const startedAtMs = performance.now();
  const before = cpuTimes(pid);
  const threads = threadTimes(pid);
  return () => {
    const now = cpuTimes(pid);
    const threadUserMs: Partial<Record<ThreadKind, number>> = {};
    for (const [kind, userMs] of threadTimes(pid)) {
      threadUserMs[kind] = userMs - (threads.get(kind) ?? 0);
    }
    return {
      wallMs: performance.now() - startedAtMs,
      userMs: now.userMs - before.userMs,
      systemMs: now.systemMs - before.systemMs,
      threadUserMs,
    };
  };
}

function cpuTimes(pid: number): { readonly userMs: number; readonly systemMs: number } {
  if (pid === process.pid) {
    const { user, system } = process.cpuUsage();
    return { userMs: user / 1_000, systemMs: system / 1_000 };
  }
  return statOf(`/proc/${pid}/stat`);
}

function threadTimes(pid: number): ReadonlyMap<ThreadKind, number> {
  const times = new Map<ThreadKind, number>();
  for (const id of threadIds(pid)) {
    try {
      const { name, userMs } = statOf(`/proc/${pid}/task/${id}/stat`);
      const kind = id === String(pid) ? 'main' : kindOf(name);
      times.set(kind, (times.get(kind) ?? 0) + userMs);
    } catch {
      // The thread has ended since it was listed; what it did counts for the process only.
    }
  }
  return times;
}

function statOf(file: string): {
  readonly name: string;
  readonly userMs: number;
  readonly systemMs: number;
} {
  const stat = readFileSync(file, 'latin1');
  const nameEnd = stat.lastIndexOf(')');
  const places = stat.slice(nameEnd + 2).split(' ');
  return {
    name: stat.slice(stat.indexOf('(') + 1, nameEnd),
    userMs: Number(places[USER_TICKS]) * TICK_MS,
    systemMs: Number(places[SYSTEM_TICKS]) * TICK_MS,
  };
}

function threadIds(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // Not Linux.
  }
}

/** Names that we gave to threads of ours. */
const DOORS: ReadonlySet<string> = new Set(['admission', 'import']);

function kindOf(threadName: string): ThreadKind {
  if (DOORS.has(threadName)) return 'door';
  if (threadName.startsWith('V8Worker')) return 'collector';
  if (threadName.startsWith('libuv')) return 'pool';
  return 'clickhouse';
}
