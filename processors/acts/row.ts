import type { FactsTable } from '../engine/operator/table.ts';

/** What people did through the api: decisions about visitors, and alerts that were taken over. */
export const ACTS_LOG = {
  kind: 'facts',
  name: 'acts_log',
  columns: [
    { name: 'appended_at', type: 'instant' },
    { name: 'actor', type: 'text' },
    { name: 'action', type: 'text' },
    { name: 'subject', type: 'text' },
  ],
} as const satisfies FactsTable;
