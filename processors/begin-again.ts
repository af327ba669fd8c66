import { EngineError } from '../schemas/errors.ts';
import { TOPICS_OF_STAGE, type Topic } from '../schemas/topics.ts';
import type { Log } from './engine/log/log.ts';
import type { Processor } from './engine/operator/processor.ts';
import { STAGES } from './engine/runtime/stages.ts';
import type { ClickHouse } from './engine/sink/clickhouse.ts';
import { ENGINE_TABLES } from './engine/sink/engine-tables.ts';

/** Bits of a row's version below the epoch. */
const EPOCH_SHIFT = 40;

/**
 * Removes what a partition has stored, so that everything of it can be computed from the log again.
 * Rows without a task or an offset stay, and are replaced as they come again.
 *
 * @returns the highest epoch that has written any of it
 * @throws {EngineError} STATE_LOST when the log no longer holds the partition's first records
 */
export async function beginAgain(parts: {
  readonly partition: number;
  readonly log: Log;
  readonly clickHouse: ClickHouse;
  readonly processors: readonly Processor[];
}): Promise<number> {
  const { partition, log, clickHouse, processors } = parts;
  const stages = STAGES.filter((stage) => stage !== 'control' || partition === 0);
  const topics = stages.flatMap((stage): readonly Topic[] => TOPICS_OF_STAGE[stage]);
  for (const topic of topics) {
    const startOffset = log.startOffset(topic, partition);
    if (startOffset === 0) continue;
    throw new EngineError({
      code: 'STATE_LOST',
      kind: 'fatal',
      message:
        `Expected a changelog of partition ${partition} that verifies, or a log from offset 0 to compute its state from, ` +
        `but ${topic}/${partition} begins at ${startOffset}: older records have left it (retention.log)`,
      details: { topic, partition, startOffset },
    });
  }
  // States of ids have moved here or away from here; where they did cannot be found again by one partition alone.
  if (log.endOffset('weir.internal.identity', partition) > 0) {
    throw new EngineError({
      code: 'STATE_LOST',
      kind: 'fatal',
      message:
        `Expected a changelog of partition ${partition} that verifies, because visitors of it have been merged with others; ` +
        'empty the changelogs and tables of all partitions, so that everything is computed again',
      details: { partition },
    });
  }
  const tasks = stages.map((stage) => `'${stage}-${partition}'`).join(', ');
  const names = topics.map((topic) => `'${topic}'`).join(', ');
  let epoch = 0;
  const { database } = clickHouse;
  for (const table of [...ENGINE_TABLES, ...processors.flatMap((processor) => processor.tables)]) {
    if (table.kind !== 'facts') {
      const [row] = await clickHouse.query(
        `SELECT toUInt32(bitShiftRight(max(version), ${EPOCH_SHIFT})) AS epoch FROM ${database}.${table.name}`,
      );
      epoch = Math.max(epoch, Number(row?.['epoch'] ?? 0));
    }
    if (table.kind === 'rows') continue;
    const own =
      table.kind === 'sums'
        ? `task IN (${tasks})`
        : `partition = ${partition} AND topic IN (${names})`;
    await clickHouse.command(
      `ALTER TABLE ${database}.${table.name} DELETE WHERE ${own} SETTINGS mutations_sync = 2`,
    );
  }
  return epoch;
}
