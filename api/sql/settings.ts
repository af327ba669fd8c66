import { type Refusal, refusal } from './refusal.ts';

/** What clients say about the connection; it changes nothing here. */
const IGNORED = new Set([
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'close_session',
  'enable_http_compression',
  'http_headers_progress_interval_ms',
  'http_response_buffer_size',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'log_queries',
  'password',
  'query_id',
  'quota_key',
  'role',
  'send_progress_in_http_headers',
  'session_check',
  'session_id',
  'session_timeout',
  'stacktrace',
  'user',
  'wait_end_of_query',
]);

/** Settings that change how an answer is computed or written, and nothing else. */
export const APPLIED_SETTINGS: ReadonlySet<string> = new Set([
  'aggregate_functions_null_for_empty',
  'bool_false_representation',
  'bool_true_representation',
  'date_time_input_format',
  'date_time_output_format',
  'format_csv_null_representation',
  'format_tsv_null_representation',
  'group_by_use_nulls',
  'join_use_nulls',
  'low_cardinality_allow_in_native_format',
  'output_format_csv_crlf_end_of_line',
  'output_format_decimal_trailing_zeros',
  'output_format_json_escape_forward_slashes',
  'output_format_json_named_tuples_as_objects',
  'output_format_json_quote_64bit_floats',
  'output_format_json_quote_64bit_integers',
  'output_format_json_quote_decimals',
  'output_format_json_quote_denormals',
  'output_format_pretty_color',
  'output_format_pretty_row_numbers',
  'output_format_tsv_crlf_end_of_line',
  'prefer_column_name_to_alias',
  'result_overflow_mode',
  'session_timezone',
  'union_default_mode',
]);

/** Limits, of which a client may ask for less than there is. */
export const LIMIT_SETTINGS: ReadonlySet<string> = new Set([
  'max_bytes_to_read',
  'max_execution_time',
  'max_memory_usage',
  'max_result_bytes',
  'max_result_rows',
  'max_rows_to_read',
  'max_threads',
]);

/** A number, a name or a time zone. */
const PLAIN_VALUE = /^[\w./+-]{0,64}$/;
const NUMBER = /^\d{1,15}(\.\d{1,6})?$/;

/** The settings of a request that apply to its run. */
export interface Settings {
  readonly kind: 'settings';
  readonly settings: Readonly<Record<string, string>>;
}

/** The settings of a request that apply; the others, as far as clients send them, are left out. */
export function settingsOf(
  given: readonly (readonly [name: string, value: string])[],
): Settings | Refusal {
  const settings: Record<string, string> = {};
  for (const [name, value] of given) {
    if (IGNORED.has(name)) continue;
    if (name === 'compress' || name === 'decompress') {
      if (value === '0' || value === 'false') continue;
      return refusal(
        'SUPPORT_IS_DISABLED',
        `Answers are not compressed: turn compression off in the client (${name})`,
      );
    }
    // It is read-only already; a client that wants to write is told so.
    if (name === 'readonly') {
      if (value === '1' || value === '2') continue;
      return refusal('READONLY', 'This interface only reads: readonly cannot be set to 0');
    }
    if (!APPLIED_SETTINGS.has(name) && !LIMIT_SETTINGS.has(name)) {
      return refusal(
        'UNKNOWN_SETTING',
        `Setting ${name.slice(0, 64)} is not one that can be set here; docs/sql.md lists them`,
      );
    }
    if (!(LIMIT_SETTINGS.has(name) ? NUMBER : PLAIN_VALUE).test(value)) {
      return refusal('BAD_ARGUMENTS', `Setting ${name} cannot have this value`);
    }
    settings[name] = value;
  }
  return { kind: 'settings', settings };
}
