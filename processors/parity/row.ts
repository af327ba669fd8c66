/** How the price of a SKU on a channel stands; the first that holds is shown. */
export const PARITY_STATUSES = ['UNKNOWN', 'STALE', 'UNDER', 'OVER', 'PARITY'] as const;
export type ParityStatus = (typeof PARITY_STATUSES)[number];

/** One current row per SKU × channel, the reference channel aside; `weir.parity_current` shows it. */
export const PARITY_CURRENT = {
  kind: 'rows',
  name: 'parity_current_rows',
  key: ['sku', 'channel'],
  columns: [
    { name: 'sku', type: 'text' },
    { name: 'channel', type: 'text' },
    { name: 'status', type: 'text' },
    { name: 'cause', type: 'text' },
    { name: 'since', type: 'nullable-instant' },
    { name: 'gap', type: 'nullable-double' },
    { name: 'price_minor', type: 'nullable-integer' },
    { name: 'currency', type: 'text' },
    { name: 'promo_id', type: 'text' },
    { name: 'reference_minor', type: 'nullable-integer' },
    { name: 'reference_currency', type: 'text' },
    { name: 'fx', type: 'nullable-double' },
    { name: 'as_of', type: 'instant' },
  ],
} as const;

/** One row per stretch of equal price, reference and rate; `weir.parity_segments` shows those that hold. */
export const PARITY_SEGMENTS = {
  kind: 'rows',
  name: 'parity_segments_rows',
  key: ['sku', 'channel', 'started_at'],
  columns: [
    { name: 'sku', type: 'text' },
    { name: 'channel', type: 'text' },
    { name: 'started_at', type: 'instant' },
    { name: 'price_minor', type: 'integer' },
    { name: 'currency', type: 'text' },
    { name: 'promo_id', type: 'text' },
    { name: 'reference_minor', type: 'integer' },
    { name: 'reference_currency', type: 'text' },
    { name: 'fx', type: 'double' },
    { name: 'gap_ppb', type: 'integer' },
    { name: 'side', type: 'text' },
    { name: 'reference_channel', type: 'text' },
    { name: 'stale_at', type: 'instant' },
    { name: 'withdrawn', type: 'boolean' },
  ],
} as const;
