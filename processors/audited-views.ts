import { DEFAULT_SEGMENT_RULES, segmentParameters } from '../schemas/segment-rule.ts';
import { HOUR_MS } from '../schemas/time.ts';
import { PATHS_SQL } from './attribution/reads.ts';
import { ATTRIBUTION_1H } from './attribution/row.ts';
import { type Audit, type AuditParameters, WATERMARK, incidentAudit } from './audited-view.ts';
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
import { PARITY_AUDITS, STOCK_AUDITS } from './sku-audits.ts';
import { BOT_CLICKS_1M, CHANNEL_1M, REGION_1H } from './traffic/row.ts';
import { verdictParameters } from './verdict-parameters.ts';

/** The sums of lift as its view has them: the two parts of a square are one column. */
const LIFT_VALUES = LIFT_COHORTS.sums
  .filter((name) => !name.endsWith('_low'))
  .map((name) => name.replace(/_high$/, ''));

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
    processor: 'bots',
    key: ['visitor_token', 'from_at'],
    values: ['until_at', 'tier', 'reason'],
    isSums: false,
    timeColumn: undefined,
    windowMs: undefined,
    files: [new URL('bots/audit.sql', import.meta.url)],
    stated: { by: ['visitor_token'], file: new URL('bots/audit-stated.sql', import.meta.url) },
    parameters: (config, query) => verdictParameters(query, config),
  },
  {
    view: 'channel_1m',
    processor: 'traffic',
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
    processor: 'traffic',
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
    processor: 'attribution',
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
    processor: 'lift',
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
  ...STOCK_AUDITS,
  {
    ...incidentAudit('capacity_low', ['entity_key', 'node_id', 'opened_at']),
    processor: 'fulfilment',
    files: [new URL('fulfilment/audit-breaches.sql', import.meta.url)],
    parameters: () => ({}),
  },
  {
    ...incidentAudit('delivery_late', ['subject', 'opened_at'], { until: WATERMARK }),
    processor: 'fulfilment',
    files: [FULFILMENT_BEGINNING, new URL('fulfilment/audit-bands.sql', import.meta.url)],
    parameters: ({ attribution }) => ({ returns_kept_ms: attribution.returns_kept }),
  },
  ...PARITY_AUDITS,
  {
    view: 'fulfilment_1h',
    processor: 'fulfilment',
    key: ['window_start', 'zone', 'node_id'],
    values: [
      'due',
      'on_time',
      'delivered_late',
      'placed',
      'on_time_24h',
      'on_time_48h',
      'on_time_72h',
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
    processor: 'fulfilment',
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
    processor: 'fulfilment',
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
    processor: 'fulfilment',
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
    processor: 'traffic',
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

function pathParameters({ attribution, lift, sessions }: Config): AuditParameters {
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
