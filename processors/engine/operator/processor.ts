import type { Operator } from './operator.ts';
import type { Table } from './table.ts';

/** One folder's worth of results: the operators that compute them and the tables that hold them. */
export interface Processor {
  readonly name: string;
  readonly operators: readonly Operator[];
  readonly tables: readonly Table[];
  /** SQL files of this folder in the order they are applied; released files never change. */
  readonly migrations: readonly URL[];
  /** Statements that make the views in which settings stand; they are run at every start. */
  readonly views?: readonly string[];
  /** It does not run: it has no operators, and its tables are made all the same. */
  readonly isOff?: boolean;
  /**
   * What the others count depends on what it holds of a key, so that it is turned neither on nor off
   * without computing everything again.
   */
  readonly isJudge?: true;
  /** The setting that turns it off beside the list of those that run. */
  readonly offBy?: string;
}
