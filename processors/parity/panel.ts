import type { Panel } from '../../schemas/panel.ts';
import { PARITY_CURRENT } from './row.ts';

/** Rows the live view holds: 5,000 SKUs on four channels; the rest is asked for by filter. */
const PARITY_ROWS_MAX = 20_000;

/** How the price of every SKU on every channel stands to its reference. */
export const PARITY_PANEL: Panel = {
  topic: 'parity',
  path: 'parity',
  needs: ['parity'],
  live: {
    table: PARITY_CURRENT.name,
    key: PARITY_CURRENT.key,
    sums: [],
    retentionMs: undefined,
    rowsMax: PARITY_ROWS_MAX,
    windowMs: undefined,
  },
  query: {
    views: { all: 'weir.parity_current' },
    columns: PARITY_CURRENT.columns.map(({ name }) => name),
    filters: ['sku', 'channel', 'status', 'cause'],
    timeColumn: undefined,
    orderBy: ['sku', 'channel'],
  },
};
