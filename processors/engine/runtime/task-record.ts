import { pack, unpack } from 'msgpackr';

import { erase } from '../../../schemas/brand.ts';
import type { EventCounts } from '../../../schemas/ports.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { endOfPrefix, type Store, type Write } from '../state/store.ts';
import type { StoredIds } from './event-ids.ts';
import type { ActiveImport } from './imports.ts';

/** What a checkpoint holds of a task, apart from keyed state and sums. */
export interface TaskRecord {
  readonly inputs: readonly {
    readonly topic: Topic;
    readonly nextOffset: number;
    readonly counts: EventCounts;
  }[];
  readonly watermarkMs: number;
  readonly newestEventMs: readonly number[];
  readonly eventIds: StoredIds;
  readonly imports: readonly ActiveImport[];
}

/** The record of the task named `task`, undefined until its first checkpoint. */
export function storedTask(store: Pick<Store, 'get'>, task: string): TaskRecord | undefined {
  const stored = store.get(keyOf(task));
  // Written by `taskWrite` and verified by the store's checksum.
  return stored === undefined ? undefined : erase<TaskRecord>(unpack(stored));
}

/** The record as a part of a checkpoint. */
export function taskWrite(task: string, record: TaskRecord): Write {
  return { key: keyOf(task), value: pack(record) };
}

/** The tasks that a store knows, and those that `keys` add to it. */
export function storedTaskNames(
  store: Pick<Store, 'range'>,
  keys: Iterable<string>,
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { key } of store.range({ start: PREFIX, end: endOfPrefix(PREFIX) }))
    names.add(key.slice(PREFIX.length));
  for (const key of keys) if (key.startsWith(PREFIX)) names.add(key.slice(PREFIX.length));
  return names;
}

const PREFIX = 'm/task/';

function keyOf(task: string): string {
  return PREFIX + task;
}
