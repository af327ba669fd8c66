import type { Config } from './config.ts';
import type { EngineLimits } from './engine/runtime/engine-limits.ts';
import { heapBytesMax } from './heap-pressure.ts';

/** The heap for which the sizes of state and rows below are; a smaller one holds less in proportion. */
const HEAP_BYTES = 2 * 1_024 ** 3;
/**
 * Keyed state in memory, over all tasks, in encoded bytes: three times as much in fact. A visitor of
 * ten touches is 2 kB; LMDB's pages of the others are in the system's memory, and V8 need not look at
 * them. Four times as much took 230 MB more and saved 4 % of CPU time.
 */
const CACHED_STATE_BYTES_MAX = 32 * 1_024 ** 2;
/** Window rows in memory per table and task: a day of minutes with a dozen channels. */
const CACHED_ROWS_MAX = 20_000;
/** Event ids that deduplication remembers, over all tasks: 20 to 40 bytes each. */
const DEDUPLICATION_IDS_MAX = 4_000_000;
/** Changed keys that make a checkpoint due: lmdb takes in one in 1 to 2 µs, all of them at one stretch. */
const CHECKPOINT_KEYS_MAX = 6_000;
/** Changed rows that make a checkpoint due: one costs about 3 µs, at one stretch. */
const CHECKPOINT_ROWS_MAX = 5_000;
/** Changed keys that a checkpoint encodes at a stretch: one costs 3 to 10 µs. */
const STRETCH_KEYS_MAX = 500;
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
    checkpointKeysMax: CHECKPOINT_KEYS_MAX,
    checkpointRowsMax: CHECKPOINT_ROWS_MAX,
    checkpointLinesMax: CHECKPOINT_LINES_MAX,
    stretchKeysMax: STRETCH_KEYS_MAX,
    outboxRowsMax: OUTBOX_ROWS_MAX,
  };
}

/**
 * The limits of each engine in a process that has one for every partition it is given: what is kept for
 * ClickHouse is in memory too, and while it is away that must not be so much for each of them.
 */
export function limitsOfPartition(config: Config): EngineLimits {
  return { ...limitsOf(config), outboxRowsMax: Math.ceil(OUTBOX_ROWS_MAX / config.partitions) };
}
