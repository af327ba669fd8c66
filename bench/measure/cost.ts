import { readFileSync, readdirSync } from 'node:fs';

/** What some work has cost this process. CPU time is robust on a busy machine, wall time is not. */
export interface Cost {
  readonly wallMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** User CPU time by kind of thread; empty where the system does not tell. */
  readonly threadUserMs: Readonly<Partial<Record<ThreadKind, number>>>;
}

/** Threads by what they do: our code, V8's garbage collection, libuv's pool, and ClickHouse's. */
export type ThreadKind = 'main' | 'collector' | 'pool' | 'clickhouse';

/** Linux counts a thread's time in ticks of a hundredth of a second. */
const TICK_MS = 10;
/** Places in `/proc/self/task/<id>/stat` after the name: user time in ticks. */
const USER_TICKS = 11;

/** Starts to measure; the returned function says what was spent since. */
export function startCost(): () => Cost {
  const startedAtMs = performance.now();
  const cpu = process.cpuUsage();
  const threads = threadTimes();
  return () => {
    const spent = process.cpuUsage(cpu);
    const threadUserMs: Partial<Record<ThreadKind, number>> = {};
    for (const [kind, userMs] of threadTimes()) {
      threadUserMs[kind] = userMs - (threads.get(kind) ?? 0);
    }
    return {
      wallMs: performance.now() - startedAtMs,
      userMs: spent.user / 1_000,
      systemMs: spent.system / 1_000,
      threadUserMs,
    };
  };
}

function threadTimes(): ReadonlyMap<ThreadKind, number> {
  const times = new Map<ThreadKind, number>();
  for (const id of threadIds()) {
    let stat;
    try {
      stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
    } catch {
      continue; // The thread has ended since it was listed; what it did counts for the process only.
    }
    const nameEnd = stat.lastIndexOf(')');
    const kind =
      id === String(process.pid) ? 'main' : kindOf(stat.slice(stat.indexOf('(') + 1, nameEnd));
    const userTicks = Number(stat.slice(nameEnd + 2).split(' ')[USER_TICKS]);
    times.set(kind, (times.get(kind) ?? 0) + userTicks * TICK_MS);
  }
  return times;
}

function threadIds(): readonly string[] {
  try {
    return readdirSync('/proc/self/task');
  } catch {
    return []; // Not Linux.
  }
}

function kindOf(threadName: string): ThreadKind {
  if (threadName.startsWith('V8Worker')) return 'collector';
  if (threadName.startsWith('libuv')) return 'pool';
  return 'clickhouse';
}
