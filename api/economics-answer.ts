import { type Static, Type } from '@sinclair/typebox';

import { Freshness, Off } from './answers.ts';
import { BoundedOrNull } from './bounded.ts';

const Nullable = Type.Union([Type.Number(), Type.Null()]);

export const EconomicsAnswer = Type.Object({
  from: Type.Integer(),
  to: Type.Integer(),
  currency: Type.String(),
  model: Type.String(),
  marketing: Type.Array(
    Type.Object({
      channel: Type.String({ description: 'Channel of clicks, or of spend' }),
      impressions: Type.Number(),
      clicks_gross: Type.Number(),
      clicks_net: Type.Number(),
      sessions: Type.Number(),
      add_to_carts: Type.Number(),
      conversion_rate: Type.Union([Type.Number(), Type.Null()], {
        description: 'Credited conversions by the model, by sessions',
      }),
      spend_minor: Type.Number(),
      attributed: Type.Object(
        {
          conversions: Type.Number(),
          credit_minor: Type.Number(),
          cpa_minor: Nullable,
          roas: Nullable,
        },
        { description: 'ATTRIBUTED: credit by the model' },
      ),
      incremental: Type.Union(
        [
          Type.Object({
            test: Type.String(),
            verdict: Type.String(),
            icpa_minor: Nullable,
            iroas: BoundedOrNull,
          }),
          Type.Null(),
        ],
        { description: 'RANDOMISED: over the matured visitors of the channel’s newest test' },
      ),
    }),
  ),
  sales: Type.Array(
    Type.Object({
      channel: Type.String({ description: 'Sales channel' }),
      orders: Type.Number(),
      units: Type.Number(),
      revenue_minor: Type.Number(),
      returns_minor: Type.Number(),
      margin_minor: Type.Number(),
      lines_without_cost: Type.Number(),
      order_value_minor: BoundedOrNull,
      retention: BoundedOrNull,
      share: Nullable,
      target_share: Nullable,
      deviation_points: Nullable,
    }),
  ),
  mix: Type.Union([Type.Object({ chi_square: Type.Number(), p: Type.Number() }), Type.Null()], {
    description: 'Orders of all currencies per sales channel against the targets',
  }),
  retention: BoundedOrNull,
  cohorts: Type.Array(
    Type.Object({
      month: Type.Integer({ description: 'Start of the month of the first order' }),
      customers: Type.Number(),
      repurchase: BoundedOrNull,
      margin_per_customer_minor: Type.Number(),
      provisional: Type.Boolean({
        description: 'Some of them have still time to come back within 90 days',
      }),
    }),
  ),
  ...Freshness,
  ...Off,
});
export type EconomicsAnswer = Static<typeof EconomicsAnswer>;
