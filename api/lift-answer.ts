import { type Static, Type } from '@sinclair/typebox';

import { Freshness, Off } from './answers.ts';
import { ComparisonSchema } from './comparison-answer.ts';

const Interval = Type.Object(
  { point: Type.Number(), low: Type.Number(), high: Type.Number(), standard_error: Type.Number() },
  { description: 'An estimate and the interval that covers the truth at all looks together, 95 %' },
);
export type LiftInterval = Static<typeof Interval>;

const orNull = (type: typeof Interval) => Type.Union([type, Type.Null()]);

const Ratio = Type.Object(
  {
    chi_square: Type.Number(),
    p: Type.Number(),
    peek_safe_p: Type.Number(),
    alarming: Type.Boolean(),
  },
  {
    description:
      'Whether the arms, or the visitors that the bot filter has removed, split as planned',
  },
);

const LiftTestSchema = Type.Object({
  test: Type.String(),
  channel: Type.String(),
  method: Type.Literal('RANDOMISED', {
    description: 'How the number came about; only this one is incremental',
  }),
  state: Type.String({ description: 'planned, running or stopped' }),
  outcome: Type.String({ description: 'What the verdict is about: converted, orders or revenue' }),
  start: Type.Integer(),
  stop: Type.Union([Type.Integer(), Type.Null()]),
  horizon_ms: Type.Integer(),
  holdout_share: Type.Number(),
  planned_visitors: Type.Integer(),
  currency: Type.String(),
  visitors: Type.Object({
    treated: Type.Integer({ description: 'Matured visitors of the arm' }),
    holdout: Type.Integer(),
    provisional: Type.Integer({
      description: 'Visitors of both arms whose horizon is not over; in no verdict',
    }),
    excluded: Type.Integer({
      description: 'Visitors who were seen in both arms; in no other number',
    }),
  }),
  verdict: Type.String({ description: 'winning, losing, no difference yet or void' }),
  void_reason: Type.Union([Type.String(), Type.Null()]),
  evidence: Type.Object({
    sufficient: Type.Boolean({ description: 'At least 25 converters and 25 others in each arm' }),
    converters_treated: Type.Integer(),
    converters_holdout: Type.Integer(),
  }),
  outcomes: Type.Array(
    Type.Object({
      outcome: Type.String(),
      treated_mean: Type.Number(),
      holdout_mean: Type.Number(),
      difference: Interval,
      relative: orNull(Interval),
      p: Type.Number({ description: 'Valid at every look' }),
      plain: Type.Object(
        { low: Type.Number(), high: Type.Number(), p: Type.Number() },
        {
          description:
            'Welch’s interval of the difference: wrong for anybody who looks more than once',
        },
      ),
      adjusted: Type.Union([
        Type.Intersect([Interval, Type.Object({ theta: Type.Number() })]),
        Type.Null(),
      ]),
    }),
  ),
  order_value: Type.Union([
    Type.Object({ treated_minor: Type.Number(), holdout_minor: Type.Number(), relative: Interval }),
    Type.Null(),
  ]),
  band: Type.Object({
    low: Type.Number(),
    high: Type.Number(),
    chance: Type.Union([Type.Number(), Type.Null()], {
      description: 'Chance that the relative lift of conversions lies in the band',
    }),
  }),
  days_to_decision: Type.Union([Type.Number(), Type.Null()], {
    description: 'If the difference stays what it is; 0 when decided, null when out of sight',
  }),
  sample_ratio: Ratio,
  filter_ratio: Ratio,
  incremental: Type.Object({
    conversions: orNull(Interval),
    revenue_minor: orNull(Interval),
    margin_minor: orNull(Interval),
    spend_minor: Type.Number(),
    icpa_minor: Type.Union([Type.Number(), Type.Null()]),
    iroas: Type.Union([Interval, Type.Null()], {
      description: 'Incremental margin per unit of spend',
    }),
    iroas_revenue: Type.Union([Interval, Type.Null()], {
      description: 'Incremental revenue per unit of spend',
    }),
  }),
  history: Type.Array(
    Type.Object({
      until: Type.Integer({ description: 'Visitors whose first click came before this instant' }),
      visitors: Type.Integer(),
      point: Type.Number(),
      low: Type.Number(),
      high: Type.Number(),
    }),
  ),
});
export type LiftTestAnswer = Static<typeof LiftTestSchema>;

export const LiftAnswer = Type.Object({
  tests: Type.Array(LiftTestSchema),
  comparisons: Type.Array(ComparisonSchema, {
    description: 'Without a holdout, most trustworthy method first; never incremental',
  }),
  ...Freshness,
  ...Off,
});
