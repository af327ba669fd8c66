import { HOUR_MS } from '../schemas/time.ts';
import {
  type Audit,
  type AuditParameters,
  CURRENT_ROWS,
  WATERMARK,
  incidentAudit,
} from './audited-view.ts';
import type { Config } from './config.ts';
import { STOCK_FORECASTS_SQL, profileParameters } from './stock/audit-parameters.ts';

const DRIFT_TOLD = { until: WATERMARK, told: "substring(detail, position(detail, ' % ') + 3)" };
const STOCK_BEGINNING = new URL('stock/audit-beginning.sql', import.meta.url);
const STOCK_DEMAND = [STOCK_BEGINNING, new URL('stock/audit-demand.sql', import.meta.url)];
const STOCK_CHANCES = [...STOCK_DEMAND, new URL('stock/audit-chances.sql', import.meta.url)];
const PARITY_BEGINNING = new URL('parity/audit-beginning.sql', import.meta.url);
const PARITY_RUNS = new URL('parity/audit-runs.sql', import.meta.url);

const STOCK_STATED = {
  by: ['sku', 'node_id'],
  file: new URL('stock/audit-stated.sql', import.meta.url),
};

/** What is recomputed of stock. */
export const STOCK_AUDITS: readonly Audit[] = [
  {
    view: 'stock_current',
    processor: 'stock',
    key: ['sku', 'node_id'],
    values: ['state', 'available', 'on_hand', 'reserved', 'safety', 'inbound', 'rate'],
    // Four significant digits: a sum of decayed weights depends on the order of addition beyond them.
    live: { rate: "printf('%.3e', rate_per_day)" },
    ...CURRENT_ROWS,
    files: [...STOCK_CHANCES, new URL('stock/audit.sql', import.meta.url)],
    stated: STOCK_STATED,
    parameters: (config) => stockParameters(config, { isNewestOnly: true }),
  },
  {
    view: 'stock_current (forecasts)',
    processor: 'stock',
    read: STOCK_FORECASTS_SQL,
    key: ['sku', 'node_id'],
    values: ['phantom', 'tsb', 'croston', 'sba', 'error'],
    ...CURRENT_ROWS,
    files: [...STOCK_DEMAND, new URL('stock/audit-forecasts.sql', import.meta.url)],
    stated: STOCK_STATED,
    parameters: (config) => stockParameters(config),
  },
  {
    ...incidentAudit('stockout', ['sku', 'node_id', 'opened_at']),
    processor: 'stock',
    files: [STOCK_BEGINNING, new URL('stock/audit-stockouts.sql', import.meta.url)],
    stated: STOCK_STATED,
    parameters: (config) => stockParameters(config),
  },
  {
    ...incidentAudit('at_risk', ['sku', 'node_id', 'opened_at']),
    processor: 'stock',
    files: [...STOCK_CHANCES, new URL('stock/audit-risks.sql', import.meta.url)],
    stated: STOCK_STATED,
    parameters: (config) => stockParameters(config),
  },
];

/** What is recomputed of price parity. */
export const PARITY_AUDITS: readonly Audit[] = [
  {
    view: 'parity_1h',
    processor: 'parity',
    key: ['window_start', 'sku', 'channel'],
    values: ['observed_ms', 'gap_ppb_ms', 'absolute_gap_ppb_ms', 'outside_ms', 'under_ms'],
    isSums: true,
    timeColumn: 'window_start',
    windowMs: HOUR_MS,
    files: [PARITY_BEGINNING, new URL('parity/audit.sql', import.meta.url)],
    parameters: parityParameters,
  },
  {
    view: 'parity_current',
    processor: 'parity',
    key: ['sku', 'channel'],
    values: [
      'status',
      'cause',
      'gap',
      'price_minor',
      'currency',
      'promo_id',
      'reference_minor',
      'reference_currency',
      'fx',
    ],
    isSums: false,
    timeColumn: undefined,
    windowMs: undefined,
    files: [PARITY_BEGINNING, PARITY_RUNS, new URL('parity/audit-current.sql', import.meta.url)],
    parameters: parityParameters,
  },
  {
    // Told is on which side, since when and why; how far out it was is in parity_1h.
    ...incidentAudit('price_drift', ['subject', 'opened_at'], DRIFT_TOLD),
    processor: 'parity',
    files: [PARITY_BEGINNING, PARITY_RUNS, new URL('parity/audit-drifts.sql', import.meta.url)],
    parameters: parityParameters,
  },
  {
    ...incidentAudit('price_feed_stale', ['subject', 'opened_at'], { until: WATERMARK }),
    processor: 'parity',
    files: [PARITY_BEGINNING, new URL('parity/audit-silences.sql', import.meta.url)],
    parameters: parityParameters,
  },
];

/** @param options.isNewestOnly whether the chance to run out is wanted only as it is now */
function stockParameters(
  { attribution, stock }: Config,
  { isNewestOnly = false }: { readonly isNewestOnly?: boolean } = {},
): AuditParameters {
  return {
    is_newest_only: isNewestOnly,
    returns_kept_ms: attribution.returns_kept,
    sequence_gaps: stock.sequence_gaps,
    lead_time_ms: stock.lead_time,
    review_period_ms: stock.review_period,
    ...profileParameters((stock.profile ?? []).map(Number)),
  };
}

function parityParameters({ parity }: Config): AuditParameters {
  return {
    reference_channel: parity.reference_channel,
    tolerance_bp: parity.tolerance_bp,
    fx_band_bp: parity.fx_band_bp,
    dwell_ms: parity.dwell,
    stale_after_ms: parity.stale_after,
    tax_rates: [...(parity.tax_rates ?? [])],
  };
}
