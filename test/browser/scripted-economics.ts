import type { CartsAnswer } from '../../api/carts.ts';
import type { EconomicsAnswer } from '../../api/economics-answer.ts';
import type { SegmentsAnswer } from '../../api/segments.ts';

/** What the scripted server says of channels: one that is advertised, one that sells. */
export const ECONOMICS: EconomicsAnswer = {
  from: Date.UTC(2026, 10, 20),
  to: Date.UTC(2026, 10, 21),
  currency: 'EUR',
  model: 'last_non_direct',
  marketing: [
    {
      channel: 'search',
      impressions: 90_000,
      clicks_gross: 5_200,
      clicks_net: 4_800,
      sessions: 3_100,
      add_to_carts: 400,
      conversion_rate: 24 / 3_100,
      spend_minor: 600_000,
      attributed: { conversions: 24, credit_minor: 1_800_000, cpa_minor: 25_000, roas: 3 },
      incremental: {
        test: 'search-1',
        verdict: 'winning',
        icpa_minor: 33_330,
        iroas: { point: 3, low: 2.1, high: 3.9 },
      },
    },
  ],
  sales: [
    {
      channel: 'dtc',
      orders: 420,
      units: 610,
      revenue_minor: 3_150_000,
      returns_minor: 120_000,
      margin_minor: 1_260_000,
      lines_without_cost: 0,
      order_value_minor: { point: 7_500, low: 7_150, high: 7_850 },
      retention: { point: 0.2, low: 0.16, high: 0.25 },
      share: 0.42,
      target_share: 0.4,
      deviation_points: 2,
    },
  ],
  mix: { chi_square: 26.9, p: 6e-6 },
  retention: { point: 0.18, low: 0.15, high: 0.21 },
  cohorts: [],
  as_of: Date.UTC(2026, 10, 21),
  processors_off: [],
  watermark: Date.UTC(2026, 10, 21),
  complete: true,
};

const FRESH = {
  from: ECONOMICS.from,
  to: ECONOMICS.to,
  as_of: ECONOMICS.as_of,
  processors_off: [],
  watermark: ECONOMICS.watermark,
  complete: true,
};

/** Carts of the advertised channel, some of them with a product that another channel sold for less. */
export const CARTS: CartsAnswer = {
  ...FRESH,
  channels: [
    {
      channel: 'search',
      carts: 300,
      abandoned: { point: 0.7, low: 0.646, high: 0.749 },
      pending: 12,
    },
  ],
  stock: [
    {
      stock: 'in_stock',
      carts: 300,
      abandoned: { point: 0.7, low: 0.646, high: 0.749 },
      pending: 12,
    },
  ],
  parity: [
    { parity: 'under', carts: 100, abandoned: { point: 0.8, low: 0.711, high: 0.867 }, pending: 0 },
    {
      parity: 'parity',
      carts: 200,
      abandoned: { point: 0.65, low: 0.582, high: 0.713 },
      pending: 12,
    },
  ],
  rows: [],
};

/** Two segments. */
export const SEGMENTS: SegmentsAnswer = {
  ...FRESH,
  currency: 'EUR',
  segments: [
    {
      segment: 'high-intent',
      visitors: 500,
      customers: 200,
      conversion: { point: 0.4, low: 0.358, high: 0.444 },
      orders: 210,
      revenue_minor: 1_600_000,
      order_value_minor: { point: 7_619, low: 7_200, high: 8_040 },
    },
    {
      segment: 'other',
      visitors: 9_000,
      customers: 0,
      conversion: { point: 0, low: 0, high: 0.0004 },
      orders: 0,
      revenue_minor: 0,
      order_value_minor: null,
    },
  ],
  rules: [],
  rules_ignored: 0,
};
