/**
 * What a task does about an error: `transient` retry with backoff, `poison` dead-letter the record,
 * `fatal` stop the task, `defect` stop the process.
 */
export type ErrorKind = 'transient' | 'poison' | 'fatal' | 'defect';

/** Every code an `EngineError` can carry. Never renamed or reused; `docs/errors.md` explains each. */
export const ERROR_CODES = [
  'ASSERTION_FAILED',
  'AUTH_KEYS_DAMAGED',
  'AUTH_KEYS_LIMIT_REACHED',
  'AUTH_KEYS_LOCKED',
  'AUTH_KEYS_MISSING',
  'AUTH_KEY_UNKNOWN',
  'CHANGELOG_TAKEN',
  'CHANGELOG_UNCLEAR',
  'CHECKPOINT_DAMAGED',
  'CHECKPOINT_FORMAT_UNKNOWN',
  'CLICKHOUSE_UNAVAILABLE',
  'CLICKHOUSE_REFUSED',
  'CLICKHOUSE_MIGRATION_CHANGED',
  'CLICKHOUSE_NOT_INSTALLED',
  'CLICKHOUSE_SCHEMA_NEWER',
  'CONFIG_INVALID',
  'CONFIG_UNREADABLE',
  'DATA_DIR_LOCKED',
  'DATA_DIR_UNUSABLE',
  'DISK_FULL',
  'HTTP_PORT_IN_USE',
  'IMPORT_COLUMN_MISSING',
  'IMPORT_FILE_DAMAGED',
  'IMPORT_FILE_UNREADABLE',
  'IMPORT_LINES_LIMIT_REACHED',
  'IMPORT_OPTION_INVALID',
  'IMPORT_STOPPED',
  'KAFKA_REFUSED',
  'KAFKA_UNREACHABLE',
  'LIFT_TEST_CHANGED',
  'LOG_BATCH_DAMAGED',
  'LOG_FORMAT_UNKNOWN',
  'LOG_PARTITION_COUNT_CHANGED',
  'LOG_OFFSET_OUT_OF_RANGE',
  'MONEY_INVALID',
  'NODE_TOO_OLD',
  'PROCESSORS_CHANGED',
  'REPLAY_LIVE_UNFINISHED',
  'REPLAY_LOG_ELSEWHERE',
  'REPLAY_SANDBOX_EXISTS',
  'RESULTS_LOST',
  'SCHEMA_INCOMPATIBLE',
  'SCHEMA_REGISTRY_REFUSED',
  'SCHEMA_REGISTRY_UNREACHABLE',
  'STATE_DAMAGED',
  'STATE_LOST',
  'TABLES_MISSING',
  'TIME_INVALID',
  'TOKENS_SECRET_LOST',
  'WEIR_REFUSED',
  'WEIR_UNREACHABLE',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Structured facts about an error for the log: no payloads, no personal data. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/** The one error class of the tree. `kind` alone decides what happens next. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(options: {
    readonly code: ErrorCode;
    readonly kind: ErrorKind;
    readonly message: string;
    readonly details?: ErrorDetails;
    readonly cause?: unknown;
  }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = options.code;
    this.kind = options.kind;
    this.details = options.details ?? {};
  }
}

/**
 * Guards an invariant, in production too.
 *
 * @throws {EngineError} ASSERTION_FAILED, a defect: never caught to go on.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new EngineError({ code: 'ASSERTION_FAILED', kind: 'defect', message });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
