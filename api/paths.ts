import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { splitByLargestRemainder } from '../schemas/money.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { markovCredit } from '../statistics/markov.ts';
import { shapleyRate } from '../statistics/shapley-rate.ts';
import { Freshness, problemAnswers } from './answers.ts';
import { askedRange } from './asked-range.ts';
import type { Clock } from './clock.ts';
import { type PathCounts, readPathCounts } from './path-counts.ts';

/** Paths are read from raw events: a quarter of a year is as much as one answer waits for. */
const DAYS_MAX = 92;

/** Thousandths of a conversion, in which credit is handed out without a rest. */
const MILLI = 1_000;

/** What attribution is configured with. */
export interface PathSettings {
  readonly lookbackMs: number;
  readonly sessionGapMs: number;
}

interface PathsRoute {
  readonly Querystring: {
    readonly from?: string;
    readonly to?: string;
    readonly currency?: string;
  };
}

/** Adds `GET /v1/attribution/paths`: credit by the models that need all paths at once. */
export function addPaths(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock; readonly settings: PathSettings },
): void {
  const { engine, clock, settings } = options;
  app.get<PathsRoute>(
    '/v1/attribution/paths',
    { schema: DOCUMENTATION },
    async (request, reply) => {
      const { currency = 'EUR' } = request.query;
      const { watermark } = engine.status();
      const { fromMs, toMs } = askedRange(request.query, {
        nowMs: clock.nowMs(),
        usualMs: settings.lookbackMs,
        daysMax: DAYS_MAX,
      });
      const counts = await readPathCounts(engine, {
        fromMs,
        toMs,
        watermarkMs: watermark ?? 0,
        currency,
        ...settings,
      });
      const answer: PathsAnswer = {
        from: fromMs,
        to: toMs,
        currency,
        ...solved(counts),
        as_of: clock.nowMs(),
        watermark,
        complete: watermark !== null && toMs <= watermark,
      };
      return reply.header('cache-control', 'no-store').send(answer);
    },
  );
}

/** The credits of every model, and the counts they come from. */
function solved(
  counts: PathCounts,
): Omit<PathsAnswer, 'from' | 'to' | 'currency' | keyof typeof Freshness> {
  const { transitions } = counts;
  const conversions = markovCredit(transitions, 'conversions');
  const values = markovCredit(transitions, 'value');
  const shapley = shapleyRate(counts.sets);
  const milli = counts.conversions * MILLI;
  return {
    paths: {
      conversions: counts.conversions,
      nulls: counts.nulls,
      provisional: counts.provisional,
      unattributed: counts.unattributed,
    },
    conversion_rate: conversions.reached,
    unseen_sets: shapley.unseenSets,
    credits: [
      ...creditsOf('markov', conversions.channels, milli, 'conversions_milli'),
      ...creditsOf('markov_value', values.channels, totalValue(transitions), 'credit_minor'),
      ...creditsOf('shapley_rate', shapley.channels, milli, 'conversions_milli'),
    ],
    removal_effects: conversions.channels.map(({ channel, removalEffect }) => ({
      channel,
      effect: removalEffect,
    })),
    transitions: transitions.map(({ from, to, count }) => ({ from, to, count })),
  };
}

/** Credits of one model in whole units that add up to `total`, by largest remainder. */
function creditsOf(
  model: string,
  channels: readonly { readonly channel: string; readonly credit: number }[],
  total: number,
  unit: 'conversions_milli' | 'credit_minor',
): PathsAnswer['credits'] {
  // Whole weights, as sharing needs them; a channel that does harm gets nothing.
  const sum = channels.reduce((all, { credit }) => all + Math.max(0, credit), 0);
  if (sum <= 0) return [];
  const weights = channels.map(({ credit }) =>
    Math.round((Math.max(0, credit) / sum) * WEIGHT_UNITS),
  );
  const parts = splitByLargestRemainder(Math.round(total), weights);
  return channels.map(({ channel, credit }, index) => ({
    model,
    channel,
    credit,
    [unit]: parts[index] ?? 0,
  }));
}

/** Shares are rounded to a millionth before they become whole units. */
const WEIGHT_UNITS = 1e6;

function totalValue(transitions: readonly { readonly valueMinor: number }[]): number {
  return transitions.reduce((sum, { valueMinor }) => sum + valueMinor, 0);
}

const PathsAnswer = Type.Object({
  from: Type.Integer(),
  to: Type.Integer(),
  currency: Type.String(),
  paths: Type.Object({
    conversions: Type.Integer(),
    nulls: Type.Integer({ description: 'Paths whose look-back ended without a conversion' }),
    provisional: Type.Integer({
      description: 'Paths whose look-back is not over; they count nowhere yet',
    }),
    unattributed: Type.Integer({ description: 'Conversions without a touch' }),
  }),
  conversion_rate: Type.Number(),
  unseen_sets: Type.Integer({
    description: 'Sets of channels that no path had; shapley_rate takes their rate as 0',
  }),
  credits: Type.Array(
    Type.Object({
      model: Type.String({ description: 'markov, markov_value or shapley_rate' }),
      channel: Type.String(),
      credit: Type.Number({ description: 'As solved, not rounded' }),
      conversions_milli: Type.Optional(Type.Integer()),
      credit_minor: Type.Optional(Type.Integer()),
    }),
  ),
  removal_effects: Type.Array(Type.Object({ channel: Type.String(), effect: Type.Number() })),
  transitions: Type.Array(
    Type.Object({ from: Type.String(), to: Type.String(), count: Type.Integer() }),
  ),
  ...Freshness,
});
type PathsAnswer = Static<typeof PathsAnswer>;

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'Credit by the models that need all paths at once',
  description:
    'markov, markov_value and shapley_rate, solved exactly from the paths that ended in the range. Attributed, not incremental.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: {
        type: 'string',
        maxLength: 32,
        description: 'Inclusive; one look-back before to by default',
      },
      to: { type: 'string', maxLength: 32, description: 'Exclusive; now by default' },
      currency: {
        type: 'string',
        pattern: '^[A-Z]{3}$',
        description: 'Of markov_value; EUR by default',
      },
    },
  },
  response: {
    200: {
      description: 'Credits and counts',
      content: { 'application/json': { schema: PathsAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
