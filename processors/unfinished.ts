import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { type Topic, TOPICS_OF_STAGE } from '../schemas/topics.ts';
import type { DataDir } from './data-dir.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import { rowsOf } from './engine/runtime/delivery.ts';
import { storedDeliveries } from './engine/runtime/outbox.ts';
import { STAGES } from './engine/runtime/stages.ts';
import { storedTask } from './engine/runtime/task-record.ts';
import { LmdbStore } from './engine/state/lmdb.ts';
import type { Store } from './engine/state/store.ts';

/** What a stopped Weir has taken that its tables do not show yet. */
export interface Unfinished {
  /** Records of the log that no task has read. */
  readonly records: number;
  /** Rows and forwarded records that were not known to be delivered. */
  readonly rows: number;
}

/**
 * What the next start of a Weir that was stopped or killed has yet to do, before its tables follow
 * from its raw events. A data directory without a log of its own, or not started yet, has nothing.
 *
 * @throws {EngineError} LOG_BATCH_DAMAGED, STATE_DAMAGED
 */
export async function unfinishedIn(
  { logPath, statePath }: Pick<DataDir, 'logPath' | 'statePath'>,
  partitions: number,
): Promise<Unfinished> {
  if (![logPath, statePath].every((path) => existsSync(join(path, 'data.mdb'))))
    return { records: 0, rows: 0 };
  const log = EmbeddedLog.open(logPath, () => 0);
  const store = LmdbStore.open(statePath);
  try {
    return { records: unread(log, store, partitions), rows: undelivered(store) };
  } finally {
    await store.close();
    await log.close();
  }
}

function unread(log: EmbeddedLog, store: Store, partitions: number): number {
  let records = 0;
  for (const stage of STAGES) {
    const topics: readonly Topic[] = TOPICS_OF_STAGE[stage];
    for (let partition = 0; partition < partitions; partition += 1) {
      const task = storedTask(store, `${stage}-${partition}`);
      for (const topic of topics) {
        const read = task?.inputs.find((input) => input.topic === topic)?.nextOffset ?? 0;
        records += log.endOffset(topic, partition) - read;
      }
    }
  }
  return records;
}

function undelivered(store: Store): number {
  let rows = 0;
  for (const { delivery } of storedDeliveries(store)) rows += rowsOf(delivery);
  return rows;
}
