import { Readable } from 'node:stream';

import { type ClickHouseClient, createClient } from '@clickhouse/client';

import { erase } from '../../../schemas/brand.ts';
import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Row } from '../../../schemas/panel.ts';
import type { QueryParameter } from '../../../schemas/ports.ts';
import type { Insert, Sink } from './sink.ts';

/**
 * ClickHouse error codes that pass by themselves: timeouts, memory, too many parts, too many queries,
 * network, no space left. Everything else means that the statement or the table is wrong.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
 */
const TRANSIENT_CODES = new Set([
  '159',
  '160',
  '202',
  '203',
  '209',
  '210',
  '241',
  '242',
  '243',
  '252',
  '999',
]);

/** The database of everything that is live. */
export const LIVE_DATABASE = 'weir';

/** Longest a read may run, unless its caller says otherwise, and the most rows it may return. */
const QUERY_SECONDS_MAX = 30;
const QUERY_ROWS_MAX = 200_000;

/** What one read may take. */
interface QueryLimits {
  /** Longest it may run. */
  readonly secondsMax?: number;
  /** Threads it may use; as many as there are cores by default. */
  readonly threadsMax?: number;
}

/**
 * ClickHouse behind one client: a server over HTTP, or the engine in this process. Reads and writes
 * have a connection each, because settings and the leftovers of a failed statement stay with a
 * connection; after any failure the connection is replaced.
 */
export class ClickHouse implements Sink {
  /** Where inserts go; reads and commands name their database themselves. */
  readonly database: string;
  readonly #connect: () => ClickHouseClient;
  #writer: ClickHouseClient;
  #reader: ClickHouseClient;

  constructor(connect: () => ClickHouseClient, database: string = LIVE_DATABASE) {
    this.database = database;
    this.#connect = connect;
    this.#writer = connect();
    this.#reader = connect();
  }

  /**
   * Opens the engine in this process over the files in `path`.
   *
   * @throws {EngineError} CLICKHOUSE_NOT_INSTALLED when the optional package `chdb` is missing
   */
  static async openEmbedded(path: string): Promise<ClickHouse> {
    let createChdbConnection;
    try {
      ({ createChdbConnection } = await import('chdb/connection'));
    } catch (error) {
      throw new EngineError({
        code: 'CLICKHOUSE_NOT_INSTALLED',
        kind: 'fatal',
        message:
          'Expected the package chdb (ClickHouse in this process), which installs on Linux with glibc and on ' +
          'macOS. On other systems set clickhouse.url to a ClickHouse server',
        cause: error,
      });
    }
    const connect = createChdbConnection;
    try {
      // chdb's class fits the client's contract; their types differ in how an absent option is written.
      return new ClickHouse(() => createClient({ connection: erase(connect({ path })) }));
    } catch (error) {
      throw new EngineError({
        code: 'DATA_DIR_UNUSABLE',
        kind: 'fatal',
        message: `Expected to open the ClickHouse files in ${path}, got: ${messageOf(error)}`,
        cause: error,
      });
    }
  }

  /** Another pair of connections to the same ClickHouse, whose inserts go to `database`. */
  inDatabase(database: string): ClickHouse {
    return new ClickHouse(this.#connect, database);
  }

  async insert(insert: Insert): Promise<void> {
    const columns = insert.columns.map((column) => `\`${column}\``).join(', ');
    try {
      // Settings stand in the statement: a setting of the connection would stick to later inserts.
      const result = await this.#writer.exec({
        query:
          `INSERT INTO ${this.database}.${insert.table} (${columns}) ` +
          `SETTINGS insert_deduplication_token = '${insert.token}', async_insert = 0 FORMAT TabSeparated`,
        values: Readable.from([insert.body], { objectMode: false }),
      });
      result.stream.destroy();
    } catch (error) {
      const writer = this.#writer;
      this.#writer = this.#connect();
      await writer.close().catch(() => undefined);
      throw failure(error, `insert ${insert.rowCount} rows into ${insert.table}`);
    }
  }

  /** Runs one statement that changes the schema. */
  async command(statement: string): Promise<void> {
    try {
      await this.#writer.command({ query: statement });
    } catch (error) {
      const writer = this.#writer;
      this.#writer = this.#connect();
      await writer.close().catch(() => undefined);
      throw failure(error, 'run a statement');
    }
  }

  /**
   * Runs one read with bound parameters and returns its rows as ClickHouse writes them in JSON:
   * integers as numbers.
   */
  async query(
    sql: string,
    parameters: Readonly<Record<string, QueryParameter>> = {},
    { secondsMax = QUERY_SECONDS_MAX, threadsMax }: QueryLimits = {},
  ): Promise<readonly Row[]> {
    try {
      const threads = threadsMax === undefined ? '' : `max_threads = ${threadsMax}, `;
      const result = await this.#reader.query({
        query:
          `${sql} SETTINGS max_execution_time = ${secondsMax}, max_result_rows = ${QUERY_ROWS_MAX}, ${threads}` +
          'output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 0',
        format: 'JSONEachRow',
        query_params: { ...parameters },
      });
      return await result.json<Row>();
    } catch (error) {
      const reader = this.#reader;
      this.#reader = this.#connect();
      await reader.close().catch(() => undefined);
      throw failure(error, 'run a query');
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#writer.close();
  }
}

function failure(error: unknown, what: string): EngineError {
  const code = clickHouseCodeOf(error);
  if (code !== undefined && !TRANSIENT_CODES.has(code)) {
    return new EngineError({
      code: 'CLICKHOUSE_REFUSED',
      kind: 'fatal',
      message: `Expected ClickHouse to ${what}, it refused: ${messageOf(error)}`,
      details: { clickhouseCode: code },
      cause: error,
    });
  }
  return new EngineError({
    code: 'CLICKHOUSE_UNAVAILABLE',
    kind: 'transient',
    message: `Expected ClickHouse to ${what}, got: ${messageOf(error)}`,
    cause: error,
  });
}

/** By shape, not by class: chdb brings a copy of the client's errors of its own. */
function clickHouseCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('type' in error)) return undefined;
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined;
}
