import type { FactsTable, RowsTable } from '../operator/table.ts';

/** Records that could not be used, with their bytes: access-controlled, because they may hold anything. */
export const DEAD_LETTERS: FactsTable = {
  kind: 'facts',
  name: 'dead_letters_log',
  columns: [
    { name: 'appended_at', type: 'instant' },
    { name: 'code', type: 'text' },
    { name: 'message', type: 'text' },
    { name: 'payload', type: 'text' },
  ],
};

/** Events that came after their window's allowed lateness had passed. */
export const LATE_EVENTS: FactsTable = {
  kind: 'facts',
  name: 'late_events_log',
  columns: [
    { name: 'appended_at', type: 'instant' },
    { name: 'code', type: 'text' },
    { name: 'event_id', type: 'text' },
    { name: 'occurred_at', type: 'instant' },
    { name: 'source', type: 'text' },
    { name: 'watermark', type: 'instant' },
  ],
};

/** How far each node has come; the public view `progress` takes the lowest of those that are not idle. */
export const PROGRESS: RowsTable = {
  kind: 'rows',
  name: 'progress_rows',
  key: ['node'],
  columns: [
    { name: 'node', type: 'text' },
    { name: 'watermark', type: 'instant' },
    { name: 'allowed_lateness_ms', type: 'integer' },
    { name: 'updated_at', type: 'instant' },
    { name: 'idle', type: 'boolean' },
  ],
};

/** Ids that are part of another visitor. An id that survives after all has its row withdrawn. */
export const IDENTITIES: RowsTable = {
  kind: 'rows',
  name: 'visitor_identities_rows',
  isStoredOnly: true,
  key: ['visitor_token'],
  columns: [
    { name: 'visitor_token', type: 'text' },
    { name: 'into_token', type: 'text' },
    { name: 'withdrawn', type: 'boolean' },
  ],
};

/** Links that would have made a visitor of more ids than a person has. */
export const IDENTITY_REFUSALS: FactsTable = {
  kind: 'facts',
  name: 'identity_refusals_log',
  columns: [
    { name: 'appended_at', type: 'instant' },
    { name: 'event_id', type: 'text' },
    { name: 'occurred_at', type: 'instant' },
    { name: 'visitor_token', type: 'text' },
    { name: 'into_token', type: 'text' },
  ],
};

/** The tables that the engine itself writes, beside those of the processors. */
export const ENGINE_TABLES = [
  DEAD_LETTERS,
  LATE_EVENTS,
  PROGRESS,
  IDENTITIES,
  IDENTITY_REFUSALS,
] as const;

export const ENGINE_MIGRATIONS: readonly URL[] = [
  new URL('table.sql', import.meta.url),
  new URL('identities.sql', import.meta.url),
];
