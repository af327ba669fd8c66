/** Where a process can be made to die, and what is true at that moment. */
export const CRASH_POINTS = {
  append_begins: 'events were taken at the door, nothing of them is in the log',
  append_durable: 'events are in the log, their sender has no answer',
  commit_begins: 'a checkpoint was collected, nothing of it is in the store',
  commit_written: 'a checkpoint can be read from the store, its flush is not acknowledged',
  commit_durable: 'a checkpoint is durable, none of its rows has been sent',
  insert_begins: 'rows wait in the outbox, ClickHouse has not seen them',
  insert_under_way: 'rows are on their way into ClickHouse',
  insert_acknowledged: 'ClickHouse has the rows, no checkpoint says so',
  forward_begins: 'records for another stage wait in the outbox',
  forward_durable: 'records for another stage are in the log, no checkpoint says so',
} as const;

export type CrashPoint = keyof typeof CRASH_POINTS;

export function isCrashPoint(name: string): name is CrashPoint {
  return Object.hasOwn(CRASH_POINTS, name);
}
