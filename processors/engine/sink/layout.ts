import { EngineError, assert } from '../../../schemas/errors.ts';

/**
 * How tables are kept: by one server, or as replicas of each other that a Keeper holds together. With
 * a cluster every statement that changes the schema runs on all its servers.
 */
export type TableLayout =
  | { readonly kind: 'plain' }
  | { readonly kind: 'replicated'; readonly cluster: string | undefined };

/** One server, or the engine in this process. */
export const PLAIN: TableLayout = { kind: 'plain' };

/**
 * How long replicas know an insert again. A week: longer than a person needs to mend a server while
 * deliveries wait, and the sums of a week's tokens are some megabytes in the Keeper.
 */
const DEDUPLICATION_SECONDS = 7 * 24 * 60 * 60;

/** Comments and empty lines before the first word. */
const LEAD = String.raw`^(?:\s|--[^\n]*\n)*`;
const HEAD = new RegExp(
  `${LEAD}(?:CREATE DATABASE IF NOT EXISTS|DROP DATABASE IF EXISTS|CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE|DROP VIEW IF EXISTS) [\\w.]+`,
);
const ENGINE = /\bENGINE = (?=(?:\w*)MergeTree\b)/g;
const WINDOW = /\bnon_replicated_deduplication_window = (\d+)/g;

/**
 * The statement as `layout` needs it. Statements are written for one server: a table gets its
 * replicated engine, whose path and replica are the server's own macros, and the window in which
 * repeated inserts are known.
 *
 * @param statement one that changes the schema, in the form that the SQL files have
 */
export function forLayout(statement: string, layout: TableLayout): string {
  if (layout.kind === 'plain') return statement;
  const replicated = statement
    .replaceAll(ENGINE, 'ENGINE = Replicated')
    .replaceAll(
      WINDOW,
      `replicated_deduplication_window = $1, replicated_deduplication_window_seconds = ${DEDUPLICATION_SECONDS}`,
    );
  const { cluster } = layout;
  if (cluster === undefined) return replicated;
  assert(
    HEAD.test(replicated),
    `a statement that changes the schema begins in a form that is known, not with ${replicated.slice(0, 60)}`,
  );
  return replicated.replace(HEAD, `$& ON CLUSTER '${cluster}'`);
}

/** A cluster that cannot hold the tables: each server would have a part, and views see one server. */
export function shardsRefused(cluster: string, shards: number): EngineError {
  return new EngineError({
    code: 'CLICKHOUSE_REFUSED',
    kind: 'fatal',
    message:
      `Expected clickhouse.cluster to name a cluster of one shard, whose servers are replicas, but ${cluster} has ` +
      (shards === 0 ? 'none: the server does not know it' : `${shards} shards`),
  });
}
