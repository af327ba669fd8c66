import { writeSync } from 'node:fs';

import type { Log } from '../../processors/engine/log/log.ts';
import type { Sink } from '../../processors/engine/sink/sink.ts';
import type { Store } from '../../processors/engine/state/store.ts';
import type { CrashPoint } from './crash-points.ts';

/** What a checkpoint always writes: when it can be read, the whole checkpoint can. */
const NODE_KEY = 'm/node';
const STANDARD_OUTPUT = 1;

/** Kills this process by SIGKILL when it comes to one point for the n-th time. */
export class Crash {
  readonly #point: CrashPoint | undefined;
  #left: number;

  /** @param point undefined for a process that lives */
  constructor(point: CrashPoint | undefined, nth: number) {
    this.#point = point;
    this.#left = nth;
  }

  /** Call when the process is at `point`. Does not return when this is where it dies. */
  at(point: CrashPoint): void {
    if (point !== this.#point) return;
    this.#left -= 1;
    if (this.#left > 0) return;
    // Synchronous: nothing of this process may run between the line and its death.
    writeSync(STANDARD_OUTPUT, `${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}

/** The store, dying before, in the middle of or after a checkpoint. */
export function crashingStore(store: Store, crash: Crash): Store {
  return {
    get: (key) => store.get(key),
    range: (bounds) => store.range(bounds),
    commit: async (writes) => {
      crash.at('commit_begins');
      const committed = store.commit(writes);
      const node = writes.find(({ key }) => key === NODE_KEY)?.value;
      if (node !== undefined) await seenInStore(store, node, committed);
      crash.at('commit_written');
      await committed;
      crash.at('commit_durable');
    },
    close: () => store.close(),
  };
}

/** Resolves when `node` can be read from the store, which may be before the commit is durable. */
async function seenInStore(
  store: Store,
  node: Uint8Array,
  committed: Promise<void>,
): Promise<void> {
  const commit = { isDone: false };
  void committed.finally(() => {
    commit.isDone = true;
  });
  while (!commit.isDone && store.get(NODE_KEY)?.equals(node) !== true)
    await new Promise(setImmediate);
}

/** ClickHouse, dying before, during or after an insert. */
export function crashingSink(sink: Sink, crash: Crash): Sink {
  return {
    insert: async (insert) => {
      crash.at('insert_begins');
      const inserted = sink.insert(insert);
      await new Promise(setImmediate);
      crash.at('insert_under_way');
      await inserted;
      crash.at('insert_acknowledged');
    },
  };
}

/** The log as the engine forwards to it, or as the door appends to it; dying before or after an append. */
export function crashingLog(
  log: Log,
  crash: Crash,
  points: { readonly before: CrashPoint; readonly after: CrashPoint },
): Log {
  return {
    append: async (batches) => {
      crash.at(points.before);
      await log.append(batches);
      crash.at(points.after);
    },
    read: (topic, partition, offset) => log.read(topic, partition, offset),
    endOffset: (topic, partition) => log.endOffset(topic, partition),
    startOffset: (topic, partition) => log.startOffset(topic, partition),
    trim: (topic, partition, limits) => log.trim(topic, partition, limits),
    onAppend: (listener) => log.onAppend(listener),
    close: () => log.close(),
  };
}
