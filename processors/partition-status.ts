import type { PipelineStatus } from '../schemas/ports.ts';
import { PROCESSOR_NAMES } from '../schemas/processors.ts';
import type { Config } from './config.ts';
import type { Log } from './engine/log/log.ts';
import { addCounts, noCounts, unaccountedOf } from './engine/runtime/counts.ts';
import type { Engine } from './engine/runtime/engine.ts';
import { identityCounts } from './engine/runtime/identities.ts';
import type { PartitionStatus } from './engine/runtime/update-message.ts';
import { processorsOff } from './registry.ts';
import { finiteOrNull, taskStatuses } from './task-status.ts';

/** How the engine of one partition is doing. */
export function partitionStatus(
  partition: number,
  {
    engine,
    log,
    config,
    nowMs,
  }: {
    readonly engine: Engine;
    readonly log: Log;
    readonly config: Config;
    readonly nowMs: number;
  },
): PartitionStatus {
  const { sequence, ageMs, durationMs } = engine.checkpointStatus;
  return {
    partition,
    counts: engine.counts(),
    tasks: taskStatuses(engine, log),
    watermarkMs: finiteOrNull(engine.watermarkMs),
    isIdle: engine.isIdle,
    checkpoint: { sequence, ageMs, durationMs },
    pendingRows: engine.outbox.pendingRows,
    isSinkHealthy: engine.outbox.isHealthy,
    identities: identityCounts(engine.tasks),
    processorsOff: processorsOff(config),
    sentAtMs: nowMs,
  };
}

/** The status of some partitions as one, with what is wrong besides. */
export function pipelineStatus(
  partitions: readonly PartitionStatus[],
  { config, problems }: { readonly config: Config; readonly problems: readonly string[] },
): PipelineStatus {
  const tasks = partitions
    .toSorted((a, b) => a.partition - b.partition)
    .flatMap((each) => each.tasks);
  const counts = noCounts();
  for (const each of partitions) addCounts(counts, each.counts);
  const waiting = partitions.filter(({ isSinkHealthy }) => !isSinkHealthy);
  const pendingRows = partitions.reduce((sum, each) => sum + each.pendingRows, 0);
  const all = [
    ...problems,
    ...(waiting.length === 0
      ? []
      : [`ClickHouse does not acknowledge: ${pendingRows} rows wait, none is lost`]),
  ];
  return {
    mode: 'distributed',
    ready: all.length === 0,
    problems: all,
    watermark: lowestWatermark(partitions),
    allowed_lateness_ms: config.lateness.allowed,
    processors_off: PROCESSOR_NAMES.filter(
      (name) =>
        !config.processors.includes(name) ||
        partitions.some((each) => each.processorsOff?.includes(name)),
    ),
    counts,
    unaccounted: tasks.reduce((sum, task) => sum + unaccountedOf(task.counts), 0),
    tasks,
    checkpoint: {
      sequence: partitions.reduce((sum, { checkpoint }) => sum + checkpoint.sequence, 0),
      age_ms: Math.max(0, ...partitions.map(({ checkpoint }) => checkpoint.ageMs)),
      duration_ms: Math.max(0, ...partitions.map(({ checkpoint }) => checkpoint.durationMs)),
    },
    sink: { pending_rows: pendingRows, healthy: waiting.length === 0 },
    // Every processor has its part; `weir audit` looks at the whole.
    audit: { checked_rows: 0, differences: 0, last_at: null },
    identities: {
      merged: partitions.reduce((sum, { identities }) => sum + identities.merged, 0),
      refused: partitions.reduce((sum, { identities }) => sum + identities.refused, 0),
    },
  };
}

/** The lowest of the partitions that are not idle, or of all when all are. */
function lowestWatermark(partitions: readonly PartitionStatus[]): number | null {
  const known = partitions.filter(({ watermarkMs }) => watermarkMs !== null);
  const busy = known.filter(({ isIdle }) => !isIdle);
  const watermarks = (busy.length > 0 ? busy : known).map(({ watermarkMs }) => watermarkMs ?? 0);
  return watermarks.length === 0 ? null : Math.min(...watermarks);
}
