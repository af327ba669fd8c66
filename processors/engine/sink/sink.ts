/** Rows for one table, as one insert: sent again unchanged until it is acknowledged. */
export interface Insert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** Lines of TabSeparated, UTF-8. */
  readonly body: Uint8Array;
  /** Names this insert for ClickHouse's deduplication: the same for every try, never used for other rows. */
  readonly token: string;
}

/**
 * Where rows go.
 */
export interface Sink {
  /**
   * Writes the rows once, however often it is called with the same insert.
   *
   * @throws {EngineError} CLICKHOUSE_UNAVAILABLE transient: the outcome is unknown, try again
   * @throws {EngineError} CLICKHOUSE_REFUSED fatal: the table does not take these rows
   */
  insert(insert: Insert): Promise<void>;
}
