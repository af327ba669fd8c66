import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';

import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

import { erase } from '../../../schemas/brand.ts';
import { EngineError, messageOf } from '../../../schemas/errors.ts';
import type { Row } from '../../../schemas/panel.ts';
import type { QueryParameter } from '../../../schemas/ports.ts';
import { SECOND_MS } from '../../../schemas/time.ts';
import { PLAIN, type TableLayout } from './layout.ts';
import type { Insert, Sink } from './sink.ts';

/**
 * ClickHouse error codes that pass by themselves: timeouts, memory, too many parts, too many queries,
 * network, no space left, an insert that was cut off, a server that stops, a Keeper or replica that
 * is away. Everything else means that the statement, the table or the user's rights are wrong.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
 */
const TRANSIENT_CODES = new Set([
  '32',
  '159',
  '160',
  '202',
  '203',
  '209',
  '210',
  '225',
  '236',
  '241',
  '242',
  '243',
  '252',
  '285',
  '286',
  '319',
  '394',
  '745',
  '999',
]);

/** What to change where a server refuses the user that Weir logs in as. */
const REMEDY_OF_CODE: ReadonlyMap<string, string> = new Map([
  ['164', 'Give clickhouse.user a profile that may write (readonly = 0), see docs/clickhouse.md'],
  ['497', 'Give clickhouse.user the rights that docs/clickhouse.md lists'],
  ['516', 'Correct clickhouse.user and clickhouse.password'],
]);

/** The database of everything that is live. */
export const LIVE_DATABASE = 'weir';

/** Longest a read may run, unless its caller says otherwise, and the most rows it may return. */
const QUERY_SECONDS_MAX = 30;
const QUERY_ROWS_MAX = 200_000;

/**
 * Of every insert: it is answered when its rows are stored, and no two of its rows have one key, so that
 * ClickHouse need not look for any.
 */
const INSERT_SETTINGS = { async_insert: 0, optimize_on_insert: 0 } as const;

/** Longest an insert may go without an answer: as long as ClickHouse makes one wait for its parts. */
const INSERT_SECONDS_MAX = 60;
/** Longest a change of the schema may: ClickHouse waits three minutes for the servers of a cluster. */
const COMMAND_SECONDS_MAX = 200;
/** How long an answer may take beyond the time in which the server ends the query itself. */
const ANSWER_SECONDS_MAX = 5;
/** Above every limit on a single request, which all have their own. */
const REQUEST_SECONDS_MAX = 600;

/** A ClickHouse server, as the configuration names it. */
export interface ClickHouseServer {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** PEM file of the certificates that vouch for the server; undefined takes the system's. */
  readonly caFile: string | undefined;
  readonly layout: TableLayout;
}

/** One connection: the client, and how whole inserts go to it. */
interface Connection {
  readonly client: ClickHouseClient;
  readonly insert: (into: string, insert: Insert) => Promise<unknown>;
}

/** How connections are made and treated. */
interface Access {
  readonly connect: () => Connection;
  /** Whether there is a network in between, so that every request needs an end of its own. */
  readonly isRemote: boolean;
  /** What messages call it. */
  readonly name: string;
  readonly layout: TableLayout;
}

/** What one read may take. */
interface QueryLimits {
  /** Longest it may run. */
  readonly secondsMax?: number;
  /** Threads it may use; as many as there are cores by default. */
  readonly threadsMax?: number;
}

/**
 * ClickHouse behind one client: a server over HTTP, or the engine in this process. Reads and writes
 * have a connection each, because in this process settings and the leftovers of a failed statement
 * stay with a connection; after any failure the connection is replaced there.
 */
export class ClickHouse implements Sink {
  /** Where inserts go; reads and commands name their database themselves. */
  readonly database: string;
  readonly #access: Access;
  #writer: Connection;
  #reader: Connection;

  private constructor(access: Access, database: string = LIVE_DATABASE) {
    this.database = database;
    this.#access = access;
    this.#writer = access.connect();
    this.#reader = access.connect();
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
    const open = createChdbConnection;
    const connect = (): Connection => {
      const connection = open({ path });
      return {
        // chdb's class fits the client's contract; their types differ in how an absent option is written.
        client: createClient({ connection: erase(connection) }),
        // The client would turn the bytes into a string and back, on the thread that everybody waits for.
        insert: (into, { columns, body, token }) =>
          connection.chdb.rawInsert({
            table: into,
            columns: [...columns],
            settings: { insert_deduplication_token: token, ...INSERT_SETTINGS },
            format: 'TabSeparated',
            values: body,
          }),
      };
    };
    try {
      return new ClickHouse({ connect, isRemote: false, name: 'ClickHouse', layout: PLAIN });
    } catch (error) {
      throw new EngineError({
        code: 'DATA_DIR_UNUSABLE',
        kind: 'fatal',
        message: `Expected to open the ClickHouse files in ${path}, got: ${messageOf(error)}`,
        cause: error,
      });
    }
  }

  /**
   * ClickHouse on a server. Nothing is sent before it is needed.
   *
   * @throws {EngineError} CONFIG_UNREADABLE when the file of certificates cannot be read
   */
  static connectTo(server: ClickHouseServer): ClickHouse {
    const tls =
      server.caFile === undefined ? {} : { tls: { ca_cert: certificates(server.caFile) } };
    const connect = (): Connection => {
      const client = createClient({
        url: server.url,
        username: server.user,
        password: server.password,
        application: 'weir',
        request_timeout: REQUEST_SECONDS_MAX * SECOND_MS,
        // Failures are told by whoever asked, once; the client would print each on its own.
        log: { level: ClickHouseLogLevel.OFF },
        // A profile of the user must not turn off what the tokens need.
        clickhouse_settings: { insert_deduplicate: 1 },
        ...tls,
      });
      return { client, insert: (into, insert) => insertOver(client, into, insert) };
    };
    // Without a user or password that stand in the address.
    const name = `ClickHouse at ${new URL(server.url).origin} (clickhouse.url)`;
    return new ClickHouse({ connect, isRemote: true, name, layout: server.layout });
  }

  /** How the tables of this ClickHouse are kept. */
  get layout(): TableLayout {
    return this.#access.layout;
  }

  /** Another pair of connections to the same ClickHouse, whose inserts go to `database`. */
  inDatabase(database: string): ClickHouse {
    return new ClickHouse(this.#access, database);
  }

  async insert(insert: Insert): Promise<void> {
    try {
      await this.#writer.insert(`${this.database}.${insert.table}`, insert);
    } catch (error) {
      await this.#replaceWriter();
      throw this.#failure(error, `insert ${insert.rowCount} rows into ${insert.table}`);
    }
  }

  /** Runs one statement that changes the schema, in the layout of this ClickHouse. */
  async command(statement: string): Promise<void> {
    try {
      await this.#writer.client.command({
        query: statement,
        ...this.#endAfter(COMMAND_SECONDS_MAX),
      });
    } catch (error) {
      await this.#replaceWriter();
      throw this.#failure(error, 'run a statement');
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
      const result = await this.#reader.client.query({
        query:
          `${sql} SETTINGS max_execution_time = ${secondsMax}, max_result_rows = ${QUERY_ROWS_MAX}, ${threads}` +
          'output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 0',
        format: 'JSONEachRow',
        query_params: { ...parameters },
        ...this.#endAfter(secondsMax + ANSWER_SECONDS_MAX),
      });
      return await result.json<Row>();
    } catch (error) {
      if (!this.#access.isRemote) {
        const reader = this.#reader;
        this.#reader = this.#access.connect();
        await reader.client.close().catch(() => undefined);
      }
      throw this.#failure(error, 'run a query');
    }
  }

  async close(): Promise<void> {
    await this.#reader.client.close();
    await this.#writer.client.close();
  }

  /** A server that takes a request and never answers must not hold a delivery for ever. */
  #endAfter(seconds: number): { readonly abort_signal?: AbortSignal } {
    return this.#access.isRemote ? endAfter(seconds) : {};
  }

  #failure(error: unknown, what: string): EngineError {
    const { name } = this.#access;
    const code = clickHouseCodeOf(error);
    if (code !== undefined && !TRANSIENT_CODES.has(code)) {
      const remedy = REMEDY_OF_CODE.get(code);
      const refused = `Expected ${name} to ${what}, it refused: ${messageOf(error)}`;
      return new EngineError({
        code: 'CLICKHOUSE_REFUSED',
        kind: 'fatal',
        message: remedy === undefined ? refused : `${refused}. ${remedy}`,
        details: { clickhouseCode: code, isUserRefused: remedy !== undefined },
        cause: error,
      });
    }
    return new EngineError({
      code: 'CLICKHOUSE_UNAVAILABLE',
      kind: 'transient',
      message: `Expected ${name} to ${what}, got: ${messageOf(error)}`,
      cause: error,
    });
  }

  async #replaceWriter(): Promise<void> {
    if (this.#access.isRemote) return;
    const writer = this.#writer;
    this.#writer = this.#access.connect();
    await writer.client.close().catch(() => undefined);
  }
}

/** One insert over the network, ended when it goes without an answer for too long. */
async function insertOver(
  client: ClickHouseClient,
  into: string,
  { columns, body, token }: Insert,
): Promise<void> {
  const names = columns.map((column) => `\`${column}\``).join(', ');
  const settings = Object.entries(INSERT_SETTINGS)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  // Settings stand in the statement, where a profile of the user cannot change them.
  const { stream } = await client.exec({
    query:
      `INSERT INTO ${into} (${names}) ` +
      `SETTINGS insert_deduplication_token = '${token}', ${settings} FORMAT TabSeparated`,
    values: Readable.from([body], { objectMode: false }),
    ...endAfter(INSERT_SECONDS_MAX),
  });
  stream.destroy();
}

function endAfter(seconds: number): { readonly abort_signal: AbortSignal } {
  return { abort_signal: AbortSignal.timeout(seconds * SECOND_MS) };
}

function certificates(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new EngineError({
      code: 'CONFIG_UNREADABLE',
      kind: 'fatal',
      message: `Expected a readable PEM file (clickhouse.tls_ca_file): ${messageOf(error)}`,
      cause: error,
    });
  }
}

/** By shape, not by class: chdb brings a copy of the client's errors, and errors of its own for inserts. */
function clickHouseCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('clickhouseCode' in error) return codeOf(error.clickhouseCode);
  return 'code' in error && 'type' in error ? codeOf(error.code) : undefined;
}

function codeOf(code: unknown): string | undefined {
  const text = String(code);
  return /^\d+$/.test(text) ? text : undefined;
}
