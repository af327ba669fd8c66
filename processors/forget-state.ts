import { rmSync } from 'node:fs';

import { EngineError } from '../schemas/errors.ts';
import { TOPICS_OF_STAGE } from '../schemas/topics.ts';
import type { Config } from './config.ts';
import { openDataDir } from './data-dir.ts';
import { EmbeddedLog } from './engine/log/embedded.ts';
import { systemClock } from './engine/runtime/system-clock.ts';

/**
 * Removes the state of a Weir that does not run, so that its next start computes everything anew from
 * the log. When it is refused nothing has changed.
 *
 * @throws {EngineError} CONFIG_INVALID where the log is in Kafka: there every processor has state of its own
 * @throws {EngineError} STATE_LOST when the log no longer holds its first records
 * @throws {EngineError} DATA_DIR_LOCKED, DATA_DIR_UNUSABLE
 */
export async function forgetState(config: Config): Promise<void> {
  if (config.kafka.brokers !== undefined) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message: 'Expected a log in the data directory, got kafka.brokers: use weir replay there',
    });
  }
  const dataDir = openDataDir(config.data_dir, config.tokens.secret);
  try {
    const log = EmbeddedLog.open(dataDir.logPath, () => systemClock.nowMs());
    try {
      checkWhole(log, config.partitions);
    } finally {
      await log.close();
    }
    rmSync(dataDir.statePath, { recursive: true, force: true });
  } finally {
    dataDir.release();
  }
}

function checkWhole(log: EmbeddedLog, partitions: number): void {
  for (const topic of Object.values(TOPICS_OF_STAGE).flat()) {
    for (let partition = 0; partition < partitions; partition += 1) {
      const startOffset = log.startOffset(topic, partition);
      if (startOffset === 0) continue;
      throw new EngineError({
        code: 'STATE_LOST',
        kind: 'fatal',
        message:
          `Expected a log from offset 0 to recompute everything from, but ${topic}/${partition} begins at ` +
          `${startOffset}: older records have left it (retention.log). Nothing was changed`,
      });
    }
  }
}
