import { CommanderError } from 'commander';

import { EngineError, type ErrorCode } from '../schemas/errors.ts';

/** What a shell learns from a command. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  unreachable: 4,
  damaged: 5,
} as const;

const EXIT_OF_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.configuration,
  CONFIG_UNREADABLE: EXIT.configuration,
  AUTH_KEYS_MISSING: EXIT.configuration,
  AUTH_KEYS_DAMAGED: EXIT.damaged,
  AUTH_KEY_UNKNOWN: EXIT.usage,
  HTTP_PORT_IN_USE: EXIT.configuration,
  KAFKA_UNREACHABLE: EXIT.unreachable,
  LOG_PARTITION_COUNT_CHANGED: EXIT.configuration,
  NODE_TOO_OLD: EXIT.usage,
  PROCESSORS_CHANGED: EXIT.configuration,
  IMPORT_COLUMN_MISSING: EXIT.usage,
  IMPORT_FILE_UNREADABLE: EXIT.usage,
  CLICKHOUSE_UNAVAILABLE: EXIT.unreachable,
  CLICKHOUSE_NOT_INSTALLED: EXIT.unreachable,
  CHECKPOINT_DAMAGED: EXIT.damaged,
  CHECKPOINT_FORMAT_UNKNOWN: EXIT.damaged,
  IMPORT_FILE_DAMAGED: EXIT.damaged,
  LOG_BATCH_DAMAGED: EXIT.damaged,
  LOG_FORMAT_UNKNOWN: EXIT.damaged,
  LOG_OFFSET_OUT_OF_RANGE: EXIT.damaged,
  RESULTS_LOST: EXIT.damaged,
  SCHEMA_REGISTRY_UNREACHABLE: EXIT.unreachable,
  STATE_DAMAGED: EXIT.damaged,
  STATE_LOST: EXIT.damaged,
  TOKENS_SECRET_LOST: EXIT.damaged,
  WEIR_UNREACHABLE: EXIT.unreachable,
};

/** The exit code of whatever a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!(error instanceof EngineError)) return EXIT.failed;
  // Of all that a ClickHouse may refuse, this is for the configuration to mend.
  if (error.details['isUserRefused'] === true) return EXIT.configuration;
  return EXIT_OF_CODE[error.code] ?? EXIT.failed;
}
