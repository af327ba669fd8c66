import type { FactsTable, RowsTable } from '../engine/operator/table.ts';

/** Newest verdicts that viewers see: far more than a person reads, and 200 kB. */
export const VERDICTS_WATCHED_MAX = 500;

/**
 * Every change of what is held of a visitor, in the order in which it was found out. How a verdict came
 * about depends on the order of arrival; what it came to, in `bot_standings`, does not.
 */
export const BOT_VERDICTS = {
  kind: 'facts',
  name: 'bot_verdicts_log',
  isTrail: true,
  watched: { key: 'visitor_token', instant: 'decided_at', keysMax: VERDICTS_WATCHED_MAX },
  columns: [
    { name: 'decided_at', type: 'instant' },
    { name: 'visitor_token', type: 'text' },
    { name: 'from_state', type: 'text' },
    { name: 'to_state', type: 'text' },
    { name: 'tier', type: 'integer' },
    { name: 'reason', type: 'text' },
    { name: 'version', type: 'text' },
    { name: 'from_at', type: 'nullable-instant' },
    { name: 'until_at', type: 'nullable-instant' },
    { name: 'score', type: 'nullable-integer' },
    { name: 'features', type: 'text' },
    { name: 'actor', type: 'nullable-text' },
    { name: 'visitor_partition', type: 'integer' },
    { name: 'newest_at', type: 'nullable-instant' },
  ],
} as const satisfies FactsTable;

/** What is held of visitors now: one row per stretch of time; no row is a person. */
export const BOT_STANDINGS = {
  kind: 'rows',
  name: 'bot_standings_rows',
  isStoredOnly: true,
  key: ['visitor_token', 'from_at'],
  columns: [
    { name: 'visitor_token', type: 'text' },
    { name: 'from_at', type: 'instant' },
    { name: 'until_at', type: 'instant' },
    { name: 'tier', type: 'integer' },
    { name: 'reason', type: 'text' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const satisfies RowsTable;

export const VISITOR_STATES = ['human', 'suspect', 'bot', 'cleared'] as const;
export type VisitorState = (typeof VISITOR_STATES)[number];
