import { availableParallelism } from 'node:os';

const MIB = 1_024 * 1_024;
const GIB = 1_024 * MIB;

/** Largest answer: it is held in memory until it is complete, so that an error can still be told. */
export const ANSWER_BYTES_MAX = 64 * MIB;

/** Half of the cores: the engine has the other half. */
const THREADS_MAX = Math.max(1, Math.floor(availableParallelism() / 2));

/**
 * What one statement of a person may take, by the names of ClickHouse's settings. A caller may ask for
 * less.
 */
const LIMITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    max_execution_time: 30,
    max_threads: THREADS_MAX,
    // Of the engine's process, whose own share is below 1.5 GB.
    max_memory_usage: 512 * MIB,
    max_temporary_data_on_disk_size_for_query: GIB,
    max_rows_to_read: 1_000_000_000,
    max_bytes_to_read: 100 * GIB,
    max_result_rows: 1_000_000,
    max_result_bytes: ANSWER_BYTES_MAX,
    // Room for a text of 128 KiB as a parameter with every character escaped.
    max_query_size: MIB,
    // People write a dozen levels, tools some dozens. Beyond it planning takes longer than running.
    max_parser_depth: 500,
    max_ast_depth: 300,
    max_subquery_depth: 50,
    max_ast_elements: 20_000,
    max_expanded_ast_elements: 100_000,
    max_recursive_cte_evaluation_depth: 1_000,
  }),
);

/** The settings of a session: those asked for, within the limits. */
export function settingsWithin(
  asked: Readonly<Record<string, string>>,
): readonly (readonly [name: string, value: string])[] {
  const within = new Map(Object.entries(asked));
  for (const [name, limit] of LIMITS) within.set(name, String(lower(within.get(name), limit)));
  // Stopping at a limit in silence is for a limit that the client set itself.
  const isOwnLimit =
    lower(asked['max_result_rows'], Infinity) <= (LIMITS.get('max_result_rows') ?? 0);
  if (!isOwnLimit) within.delete('result_overflow_mode');
  return [...within];
}

/** The smaller of a limit and a positive number that was asked for. */
function lower(asked: string | undefined, limit: number): number {
  const value = Number(asked ?? '');
  return value > 0 ? Math.min(value, limit) : limit;
}
