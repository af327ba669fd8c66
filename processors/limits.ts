import type { Config } from './config.ts';
import type { EngineLimits } from './engine/runtime/engine-limits.ts';
import { heapBytesMax } from './heap-pressure.ts';

/** The heap for which the sizes of state and rows below are; a smaller one holds less in proportion. */
const HEAP_BYTES = 2 * 1_024 ** 3;
/** Keyed state in memory, over all tasks, in encoded bytes: two to three times as much in fact. */
const CACHED_STATE_BYTES_MAX = 384 * 1_024 ** 2;
/** Window rows in memory per table and task: a day of minutes with a dozen channels. */
const CACHED_ROWS_MAX = 20_000;
/** Event ids that deduplication remembers, over all tasks: 20 to 40 bytes each. */
const DEDUPLICATION_IDS_MAX = 4_000_000;
/** Changed keys that wait for a checkpoint before some are encoded ahead: one costs up to 20 µs. */
const CHECKPOINT_CHANGES_MAX = 2_000;
/** Facts that make a checkpoint due: some 25 MB of inserts. */
const CHECKPOINT_LINES_MAX = 80_000;
/** Rows not acknowledged at which tasks stop reading: some seconds of the highest rate. */
const OUTBOX_ROWS_MAX = 400_000;

/**
 * The limits of an engine of this configuration that has the process to itself.
 *
 * @param heapBytes how much the heap of the process may grow to
 */
export function limitsOf(config: Config, heapBytes: number = heapBytesMax()): EngineLimits {
  const keyedTasks = config.partitions * 2;
  const share = Math.min(1, heapBytes / HEAP_BYTES);
  return {
    outOfOrdernessMs: config.lateness.out_of_orderness,
    idleTimeoutMs: config.lateness.idle_timeout,
    allowedLatenessMs: config.lateness.allowed,
    clockSkewMs: config.lateness.clock_skew,
    cachedStateBytesMax: Math.ceil((share * CACHED_STATE_BYTES_MAX) / keyedTasks / 2),
    cachedRowsMax: Math.ceil(share * CACHED_ROWS_MAX),
    deduplicationIdsMax: Math.ceil(DEDUPLICATION_IDS_MAX / keyedTasks),
    checkpointMs: config.windows.checkpoint,
    checkpointChangesMax: CHECKPOINT_CHANGES_MAX,
    checkpointLinesMax: CHECKPOINT_LINES_MAX,
    outboxRowsMax: OUTBOX_ROWS_MAX,
  };
}
