import type { SqlAnswer, SqlRun } from '../../../schemas/ports.ts';

/** What the thread that runs people's statements is told to do. */
export type SqlOrder =
  | {
      readonly kind: 'run';
      readonly id: number;
      /** Directory of the ClickHouse files, which this process has open. */
      readonly path: string;
      /** Where names without a database belong. */
      readonly database: string;
      readonly run: SqlRun;
    }
  | { readonly kind: 'cancel'; readonly id: number };

/** What it answers, once per `run`. */
export interface SqlReport {
  readonly id: number;
  readonly answer: SqlAnswer;
}

/** Marks a run's query in `system.processes`, so that it can be found and ended. */
export function commentOf(id: number): string {
  return `weir-sql-${id}`;
}

/** ClickHouse's answer to a query that was ended from outside. */
export const CANCELLED: SqlAnswer = {
  kind: 'refused',
  code: 394,
  message: 'Query was cancelled. (QUERY_WAS_CANCELLED)',
};
