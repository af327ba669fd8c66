import type { AlertKind } from '../schemas/alert.ts';
import type { Row } from '../schemas/panel.ts';
import type { QueryParameter } from '../schemas/ports.ts';
import { DEFAULT_SEGMENT_RULES, segmentParameters } from '../schemas/segment-rule.ts';
import { HOUR_MS } from '../schemas/time.ts';
import { PATHS_SQL } from './attribution/reads.ts';
import { ATTRIBUTION_1H } from './attribution/row.ts';
import type { Config } from './config.ts';
import {
  CARTS_SQL,
  COHORTS_SQL,
  CUSTOMERS_SQL,
  RETENTION_SQL,
  SEGMENTS_SQL,
} from './economics/reads.ts';
import { MEMBERS_MAX } from './engine/operator/clusters.ts';
import { auditedTests } from './lift-tests.ts';
import { LIFT_COHORTS } from './lift/row.ts';
import { STOCK_FORECASTS_SQL, profileParameters } from './stock/audit-parameters.ts';
import { BOT_CLICKS_1M, CHANNEL_1M, REGION_1H } from './traffic/row.ts';
import { verdictParameters } from './verdict-parameters.ts';

/** Runs a read with bound parameters. */
export type Query = (
  sql: string,
  parameters: Readonly<Record<string, QueryParameter>>,
) => Promise<readonly Row[]>;

/** One view, or one read that answers are made of, and the SQL that recomputes it from the raw events alone. */
export interface Audit {
  readonly view: string;
  /** The read; undefined where it is the view of that name. */
  readonly read?: string;
  /** Columns that identify a row, and columns that must agree. */
  readonly key: readonly string[];
  readonly values: readonly string[];
  /** How a value that is no column of the view follows from its columns, by name. */
  readonly live?: Readonly<Record<string, string>>;
  /** The values are sums: a row of zeros is the same as none. */
  readonly isSums: boolean;
  /** The column that the range applies to; undefined for current rows. */
  readonly timeColumn: string | undefined;
  /** Length of its windows; undefined for current rows. */
  readonly windowMs: number | undefined;
  /** The query, in pieces: views that follow from the same thing share how it begins. */
  readonly files: readonly URL[];
  /** Which rows may differ for a reason that can be named: by a column of the key, the query that says `why`. */
  readonly stated?: { readonly by: string; readonly file: URL };
  /** What its parameters are; `query` is for what must be looked up first. */
  readonly parameters: (config: Config, query: Query) => Parameters | Promise<Parameters>;
}

type Parameters = Readonly<Record<string, QueryParameter>>;

/** The sums of lift as its view has them: the two parts of a square are one column. */
const LIFT_VALUES = LIFT_COHORTS.sums
  .filter((name) => !name.endsWith('_low'))
  .map((name) => name.replace(/_high$/, ''));

const WATERMARK = '(SELECT max(watermark) FROM weir.progress)';
const CURRENT_ROWS = { isSums: false, timeColumn: undefined, windowMs: undefined } as const;

const DRIFT_TOLD = { until: WATERMARK, told: "substring(detail, position(detail, ' % ') + 3)" };
const STOCK_BEGINNING = new URL('stock/audit-beginning.sql', import.meta.url);
const STOCK_DEMAND = [STOCK_BEGINNING, new URL('stock/audit-demand.sql', import.meta.url)];
const STOCK_CHANCES = [...STOCK_DEMAND, new URL('stock/audit-chances.sql', import.meta.url)];
const PARITY_BEGINNING = new URL('parity/audit-beginning.sql', import.meta.url);
const PARITY_RUNS = new URL('parity/audit-runs.sql', import.meta.url);
const FULFILMENT_BEGINNING = new URL('fulfilment/audit-beginning.sql', import.meta.url);

const PATHS_BEGINNING = new URL('attribution/audit-paths-beginning.sql', import.meta.url);
const ECONOMICS_BEGINNING = new URL('economics/audit-beginning.sql', import.meta.url);

/** In the order in which they are recomputed. */
export const AUDITS: readonly Audit[] = [
  {
    // First, because those that follow take visitors as it says.
    view: 'visitor_identities',
    key: ['visitor_token'],
    values: ['into_token'],
    isSums: false,
    timeColumn: undefined,
    windowMs: undefined,
    files: [new URL('engine/sink/identities-audit.sql', import.meta.url)],
    parameters: () => ({ members_max: MEMBERS_MAX }),
  },
  {
    // Before those that take what is held of visitors as it says.
    view: 'bot_standings',
    key: ['visitor_token', 'from_at'],
    values: ['until_at', 'tier', 'reason'],
    isSums: false,
    timeColumn: undefined,
    windowMs: undefined,
    files: [new URL('bots/audit.sql', import.meta.url)],
    stated: { by: 'visitor_token', file: new URL('bots/audit-stated.sql', import.meta.url) },
    parameters: (config, query) => verdictParameters(query, config),
  },
  {
    view: 'channel_1m',
    key: ['window_start', 'channel', 'currency'],
    values: [...CHANNEL_1M.sums, 'clicks_net'],
    isSums: true,
    timeColumn: 'window_start',
    windowMs: CHANNEL_1M.windowMs,
    files: [new URL('traffic/audit.sql', import.meta.url)],
    parameters: (config) => ({
      gap_ms: config.sessions.gap,
      returns_kept_ms: config.attribution.returns_kept,
    }),
  },
  {
    view: 'region_1h',
    key: ['window_start', 'region', 'currency'],
    values: REGION_1H.sums,
    isSums: true,
    timeColumn: 'window_start',
    windowMs: REGION_1H.windowMs,
    files: [new URL('traffic/audit-regions.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  {
    view: 'attribution_1h',
    key: ['window_start', 'model', 'channel', 'campaign', 'currency'],
    values: ATTRIBUTION_1H.sums,
    isSums: true,
    timeColumn: 'window_start',
    windowMs: ATTRIBUTION_1H.windowMs,
    files: [new URL('attribution/audit.sql', import.meta.url)],
    parameters: (config) => ({
      gap_ms: config.sessions.gap,
      returns_kept_ms: config.attribution.returns_kept,
      lookback_ms: config.attribution.lookback,
      half_life_ms: config.attribution.half_life,
      touches_max: config.attribution.touches_max,
      models: [...config.attribution.models],
    }),
  },
  {
    view: 'lift_cohorts',
    key: ['window_start', 'test', 'channel', 'arm', 'stratum'],
    values: LIFT_VALUES,
    isSums: true,
    timeColumn: 'window_start',
    windowMs: HOUR_MS,
    files: [new URL('lift/audit.sql', import.meta.url)],
    parameters: (config) => ({
      ...auditedTests(config),
      currency: config.lift.currency,
      returns_kept_ms: config.attribution.returns_kept,
    }),
  },
  {
    view: 'stock_current',
    key: ['sku', 'node_id'],
    values: ['state', 'available', 'on_hand', 'reserved', 'safety', 'inbound', 'rate'],
    // Four significant digits: a sum of decayed weights depends on the order of addition beyond them.
    live: { rate: "printf('%.3e', rate_per_day)" },
    ...CURRENT_ROWS,
    files: [...STOCK_CHANCES, new URL('stock/audit.sql', import.meta.url)],
    parameters: (config) => stockParameters(config, { isNewestOnly: true }),
  },
  {
    view: 'stock_current (forecasts)',
    read: STOCK_FORECASTS_SQL,
    key: ['sku', 'node_id'],
    values: ['phantom', 'tsb', 'croston', 'sba', 'error'],
    ...CURRENT_ROWS,
    files: [...STOCK_DEMAND, new URL('stock/audit-forecasts.sql', import.meta.url)],
    parameters: (config) => stockParameters(config),
  },
  {
    ...incidentAudit('stockout', ['sku', 'node_id', 'opened_at']),
    files: [STOCK_BEGINNING, new URL('stock/audit-stockouts.sql', import.meta.url)],
    parameters: (config) => stockParameters(config),
  },
  {
    ...incidentAudit('at_risk', ['sku', 'node_id', 'opened_at']),
    files: [...STOCK_CHANCES, new URL('stock/audit-risks.sql', import.meta.url)],
    parameters: (config) => stockParameters(config),
  },
  {
    ...incidentAudit('capacity_low', ['entity_key', 'node_id', 'opened_at']),
    files: [new URL('fulfilment/audit-breaches.sql', import.meta.url)],
    parameters: () => ({}),
  },
  {
    ...incidentAudit('delivery_late', ['subject', 'opened_at'], { until: WATERMARK }),
    files: [FULFILMENT_BEGINNING, new URL('fulfilment/audit-bands.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  {
    view: 'parity_1h',
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
    files: [PARITY_BEGINNING, PARITY_RUNS, new URL('parity/audit-drifts.sql', import.meta.url)],
    parameters: parityParameters,
  },
  {
    ...incidentAudit('price_feed_stale', ['subject', 'opened_at'], { until: WATERMARK }),
    files: [PARITY_BEGINNING, new URL('parity/audit-silences.sql', import.meta.url)],
    parameters: parityParameters,
  },
  {
    view: 'fulfilment_1h',
    key: ['window_start', 'zone', 'node_id'],
    values: [
      'due',
      'on_time',
      'delivered_late',
      'placed',
      'within_24h',
      'within_48h',
      'within_72h',
      'cycles',
    ],
    isSums: true,
    timeColumn: 'window_start',
    windowMs: HOUR_MS,
    files: [FULFILMENT_BEGINNING, new URL('fulfilment/audit.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  {
    view: 'fulfilment_cycles_1h',
    key: ['window_start', 'zone', 'node_id', 'bin'],
    values: ['cycles'],
    isSums: true,
    timeColumn: 'window_start',
    windowMs: HOUR_MS,
    files: [FULFILMENT_BEGINNING, new URL('fulfilment/audit-cycles.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  {
    view: 'fulfilment_reasons_1h',
    key: ['window_start', 'fulfilment', 'status', 'reason'],
    values: ['orders'],
    isSums: true,
    timeColumn: 'window_start',
    windowMs: HOUR_MS,
    files: [FULFILMENT_BEGINNING, new URL('fulfilment/audit-reasons.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  {
    view: 'node_capacity',
    key: ['area', 'node_id'],
    values: ['capacity', 'used'],
    isSums: false,
    timeColumn: undefined,
    windowMs: undefined,
    files: [new URL('fulfilment/audit-capacity.sql', import.meta.url)],
    parameters: () => ({}),
  },
  {
    view: 'bot_clicks_1m',
    key: ['window_start', 'channel', 'reason'],
    values: BOT_CLICKS_1M.sums,
    isSums: true,
    timeColumn: 'window_start',
    windowMs: BOT_CLICKS_1M.windowMs,
    files: [new URL('traffic/bot-audit.sql', import.meta.url)],
    parameters: () => ({}),
  },
  {
    view: 'attribution_paths',
    key: ['window_start', 'kind', 'from_channel', 'to_channel', 'channels', 'currency', 'state'],
    values: ['paths', 'conversions', 'value_minor'],
    isSums: true,
    timeColumn: 'window_start',
    // Whatever part is asked for, all events are read.
    windowMs: undefined,
    files: [PATHS_BEGINNING, new URL('attribution/audit-path-counts.sql', import.meta.url)],
    parameters: pathParameters,
  },
  {
    ...readAudit('paths', PATHS_SQL, [
      PATHS_BEGINNING,
      new URL('attribution/audit-paths.sql', import.meta.url),
    ]),
    key: ['joined', 'ending'],
    values: ['paths', 'value_minor'],
    parameters: pathParameters,
  },
  {
    ...economicsAudit('order_values', CUSTOMERS_SQL, 'audit-customers.sql'),
    key: ['channel'],
    values: ['customers', 'y', 'yy', 'd', 'dd', 'yd'],
  },
  {
    ...economicsAudit('retention', RETENTION_SQL, 'audit-retention.sql'),
    key: ['channel'],
    values: ['before', 'retained'],
  },
  {
    ...economicsAudit('customer_cohorts', COHORTS_SQL, 'audit-cohorts.sql'),
    key: ['cohort_ms'],
    values: ['customers', 'repurchased', 'margin_minor', 'before', 'retained'],
  },
  {
    ...economicsAudit('carts', CARTS_SQL, 'audit-carts.sql'),
    key: ['channel', 'stock', 'parity'],
    values: ['carts', 'abandoned', 'pending'],
  },
  {
    ...economicsAudit('segments', SEGMENTS_SQL, 'audit-segments.sql'),
    key: ['segment'],
    values: ['visitors', 'customers', 'orders', 'valued', 'y', 'yy', 'd', 'dd', 'yd'],
  },
];

function pathParameters({ attribution, lift, sessions }: Config): Parameters {
  return {
    currency: lift.currency,
    lookback_ms: attribution.lookback,
    gap_ms: sessions.gap,
  };
}

/** What audits of reads have in common: they count the whole range at once. */
function readAudit(view: string, read: string, files: readonly URL[]) {
  return { view, read, files, isSums: true, timeColumn: undefined, windowMs: undefined };
}

/** Audits of economics, in the currency of lift, with the segments that hold while nobody has set any. */
function economicsAudit(view: string, read: string, file: string) {
  return {
    ...readAudit(view, read, [ECONOMICS_BEGINNING, new URL(`economics/${file}`, import.meta.url)]),
    parameters: ({ lift }: Config) => ({
      currency: lift.currency,
      ...segmentParameters(DEFAULT_SEGMENT_RULES),
    }),
  };
}

/**
 * When incidents of one kind opened and resolved, or that they are open.
 *
 * @param options.until where time alone moves them: a partition may be ahead of the watermark of its node
 * @param options.told what else must agree, of the columns of an alert
 */
function incidentAudit(
  kind: AlertKind,
  key: readonly string[],
  {
    until = "toDateTime('2100-01-01')",
    told,
  }: { readonly until?: string; readonly told?: string } = {},
) {
  const resolved = `if(resolved_at <= ${until}, toString(assumeNotNull(resolved_at)), 'open')`;
  const columns = [...key, `${resolved} AS resolved`];
  if (told !== undefined) columns.push(`${told} AS told`);
  const where = `kind = '${kind}' AND opened_at <= ${until}`;
  const read = `SELECT ${columns.join(', ')} FROM weir.alerts WHERE ${where}`;
  const values = told === undefined ? ['resolved'] : ['resolved', 'told'];
  return { view: `alerts (${kind})`, read, key, values, ...CURRENT_ROWS };
}

/** @param options.isNewestOnly whether the chance to run out is wanted only as it is now */
function stockParameters(
  { attribution, stock }: Config,
  { isNewestOnly = false }: { readonly isNewestOnly?: boolean } = {},
): Parameters {
  return {
    is_newest_only: isNewestOnly,
    returns_kept_ms: attribution.returns_kept,
    sequence_gaps: stock.sequence_gaps,
    lead_time_ms: stock.lead_time,
    review_period_ms: stock.review_period,
    ...profileParameters((stock.profile ?? []).map(Number)),
  };
}

function parityParameters({ parity }: Config): Parameters {
  return {
    reference_channel: parity.reference_channel,
    tolerance_bp: parity.tolerance_bp,
    fx_band_bp: parity.fx_band_bp,
    dwell_ms: parity.dwell,
    stale_after_ms: parity.stale_after,
    tax_rates: [...(parity.tax_rates ?? [])],
  };
}
