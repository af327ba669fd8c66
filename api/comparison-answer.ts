import { type Static, Type } from '@sinclair/typebox';

const NullableNumber = Type.Union([Type.Number(), Type.Null()]);

/** One comparison without a holdout. */
export const ComparisonSchema = Type.Object({
  comparison: Type.String(),
  channel: Type.String(),
  method: Type.Union(
    [Type.Literal('GEO_DID'), Type.Literal('BASELINE'), Type.Literal('PRE_POST')],
    { description: 'How the number came about; none of these is incremental' },
  ),
  state: Type.String({ description: 'planned, running or stopped' }),
  outcome: Type.String({ description: 'orders or revenue, of the whole shop or of its regions' }),
  currency: Type.String(),
  start: Type.Integer(),
  stop: Type.Union([Type.Integer(), Type.Null()]),
  days: Type.Object(
    { before: Type.Number(), after: Type.Number() },
    { description: 'Whole UTC days that are compared' },
  ),
  regions: Type.Union([Type.Array(Type.String()), Type.Null()]),
  control_regions: Type.Integer(),
  verdict: Type.Union(
    [
      Type.Literal('higher'),
      Type.Literal('lower'),
      Type.Literal('no change shown'),
      Type.Literal('too early'),
      Type.Literal('void'),
    ],
    { description: 'Says what changed, not what caused it' },
  ),
  void_reason: Type.Union([Type.String(), Type.Null()]),
  change: Type.Union(
    [
      Type.Object({
        point: Type.Number(),
        low: NullableNumber,
        high: NullableNumber,
        p: Type.Number({ description: 'For one look that was planned beforehand' }),
      }),
      Type.Null(),
    ],
    { description: 'Relative change; low and high are null where the test can exclude nothing' },
  ),
  trend_before: Type.Union([
    Type.Object({ per_day: Type.Number(), p: Type.Number() }),
    Type.Null(),
  ]),
  history: Type.Array(
    Type.Object({
      until: Type.Integer(),
      point: Type.Number(),
      low: Type.Number(),
      high: Type.Number(),
    }),
  ),
});
export type ComparisonAnswer = Static<typeof ComparisonSchema>;
