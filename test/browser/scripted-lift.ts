import type { ComparisonAnswer } from '../../api/comparison-answer.ts';
import type { LiftTestAnswer } from '../../api/lift-answer.ts';

const START_MS = Date.UTC(2026, 1, 1);
const DAY_MS = 86_400_000;

const BASE: LiftTestAnswer = {
  test: 'search-1',
  channel: 'search',
  method: 'RANDOMISED',
  state: 'running',
  outcome: 'converted',
  start: START_MS,
  stop: null,
  horizon_ms: 7 * DAY_MS,
  holdout_share: 0.1,
  planned_visitors: 5_000,
  currency: 'EUR',
  visitors: { treated: 90_000, holdout: 10_000, provisional: 4_200, excluded: 37 },
  verdict: 'winning',
  void_reason: null,
  evidence: { sufficient: true, converters_treated: 4_500, converters_holdout: 300 },
  outcomes: [
    {
      outcome: 'converted',
      treated_mean: 0.05,
      holdout_mean: 0.03,
      difference: { point: 0.02, low: 0.0138, high: 0.0262, standard_error: 0.00185 },
      relative: { point: 0.667, low: 0.371, high: 1.109, standard_error: 0.0977 },
      p: 1e-22,
      plain: { low: 0.0164, high: 0.0236, p: 1e-26 },
      adjusted: null,
    },
  ],
  order_value: null,
  band: { low: 0.15, high: 0.25, chance: 0.0001 },
  days_to_decision: 0,
  sample_ratio: { chi_square: 0, p: 1, peek_safe_p: 1, alarming: false },
  filter_ratio: { chi_square: 0, p: 1, peek_safe_p: 1, alarming: false },
  incremental: {
    conversions: null,
    revenue_minor: null,
    margin_minor: null,
    spend_minor: 600_000,
    icpa_minor: 333.3,
    iroas: { point: 3, low: 2.1, high: 3.9, standard_error: 0.3 },
    iroas_revenue: null,
  },
  history: Array.from({ length: 20 }, (_, index) => ({
    until: START_MS + (index + 1) * DAY_MS,
    visitors: 5_000 * (index + 1),
    point: 0.667,
    low: 0.667 - 1.3 / (index + 1),
    high: 0.667 + 1.3 / (index + 1),
  })),
};

/** What the scripted server says of its tests: one that wins, and one that is void. */
export const LIFT_TESTS: readonly LiftTestAnswer[] = [
  BASE,
  {
    ...BASE,
    test: 'email-1',
    channel: 'email',
    verdict: 'void',
    void_reason: 'sample ratio mismatch',
    history: [],
  },
];

/** A comparison without a holdout beside them. */
export const LIFT_COMPARISONS: readonly ComparisonAnswer[] = [
  {
    comparison: 'radio-cluj',
    channel: 'radio',
    method: 'GEO_DID',
    state: 'running',
    outcome: 'orders',
    currency: 'EUR',
    start: START_MS,
    stop: null,
    days: { before: 28, after: 20 },
    regions: ['RO-CJ'],
    control_regions: 24,
    verdict: 'higher',
    void_reason: null,
    change: { point: 0.294, low: 0.193, high: 0.414, p: 0.04 },
    trend_before: { per_day: 0.001, p: 0.6 },
    history: BASE.history.map(({ until, point, low, high }) => ({ until, point, low, high })),
  },
];
