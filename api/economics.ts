import type { FastifyInstance } from 'fastify';

import {
  CHANNELS_SQL,
  COHORTS_SQL,
  CREDIT_SQL,
  CUSTOMERS_SQL,
  RETENTION_SQL,
  TARGETS_SQL,
} from '../processors/economics/reads.ts';
import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import type { ProcessorName } from '../schemas/processors.ts';
import { DAY_MS } from '../schemas/time.ts';
import { type Mix, mixOf } from '../statistics/channel-mix.ts';
import { offAmong, problemAnswers } from './answers.ts';
import { type AskedRange, askedRange } from './asked-range.ts';
import { boundedOrderValue, boundedShare, numberIn } from './bounded.ts';
import type { Clock } from './clock.ts';
import { EconomicsAnswer } from './economics-answer.ts';
import type { LiftTestAnswer } from './lift-answer.ts';
import { readLift } from './lift.ts';

/** Order values and cohorts are read from raw events: as much as one answer waits for. */
const DAYS_MAX = 92;

/** Shares of orders that sales channels should have while nobody has set targets, per cent. */
const DEFAULT_TARGETS: Readonly<Record<string, number>> = {
  dtc: 40,
  amazon: 25,
  messaging: 15,
  retail: 20,
};

interface EconomicsRoute {
  readonly Querystring: {
    readonly from?: string;
    readonly to?: string;
    readonly currency?: string;
    readonly model?: string;
  };
}

/** Adds `GET /v1/economics`: what channels cost and earn, attributed and incremental side by side. */
export function addEconomics(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<EconomicsRoute>('/v1/economics', { schema: DOCUMENTATION }, async (request, reply) => {
    const { currency = 'EUR', model = 'last_non_direct' } = request.query;
    const status = engine.status();
    const { watermark } = status;
    const off = offAmong(status, ['traffic', 'attribution', 'lift']);
    const { fromMs, toMs } = askedRange(request.query, {
      nowMs: clock.nowMs(),
      usualMs: DAY_MS,
      daysMax: DAYS_MAX,
    });
    const [rows, tests] = await Promise.all([
      readEconomics(engine, { fromMs, toMs, currency, model }),
      readLift(engine),
    ]);
    const mix = mixOf(mixParts(rows));
    const answer: EconomicsAnswer = {
      from: fromMs,
      to: toMs,
      currency,
      model,
      marketing: marketingOf(rows, tests, off),
      sales: salesOf(rows, mix),
      mix: mix === undefined ? null : { chi_square: mix.chiSquare, p: mix.p },
      retention: retentionOf(rows.cohorts),
      cohorts: cohortsOf(rows, watermark ?? 0),
      as_of: clock.nowMs(),
      watermark,
      complete: watermark !== null && toMs <= watermark,
      processors_off: off,
    };
    return reply.header('cache-control', 'no-store').send(answer);
  });
}

function marketingOf(
  rows: EconomicsRows,
  tests: readonly LiftTestAnswer[],
  off: readonly ProcessorName[],
): EconomicsAnswer['marketing'] {
  const isCredited = !off.includes('attribution');
  return rows.channels
    .filter((row) =>
      ['clicks_gross', 'impressions', 'spend_minor'].some((name) => numberIn(row, name) > 0),
    )
    .map((row) => {
      const channel = String(row['channel']);
      const spend = numberIn(row, 'spend_minor');
      const sessions = numberIn(row, 'sessions');
      const credit = rowOf(rows.credits, channel);
      const conversions = numberIn(credit, 'conversions');
      const creditMinor = numberIn(credit, 'credit_minor');
      const test = tests.findLast((each) => each.channel === channel && each.state !== 'planned');
      return {
        channel,
        impressions: numberIn(row, 'impressions'),
        clicks_gross: numberIn(row, 'clicks_gross'),
        clicks_net: numberIn(row, 'clicks_net'),
        sessions,
        add_to_carts: numberIn(row, 'add_to_carts'),
        conversion_rate: isCredited && sessions > 0 ? conversions / sessions : null,
        spend_minor: spend,
        attributed: {
          conversions,
          credit_minor: creditMinor,
          cpa_minor: spend > 0 && conversions > 0 ? spend / conversions : null,
          roas: isCredited && spend > 0 ? creditMinor / spend : null,
        },
        incremental:
          test === undefined
            ? null
            : {
                test: test.test,
                verdict: test.verdict,
                icpa_minor: test.incremental.icpa_minor,
                iroas: test.incremental.iroas,
              },
      };
    });
}

function salesOf(rows: EconomicsRows, mix: Mix | undefined): EconomicsAnswer['sales'] {
  return rows.channels
    .filter((row) =>
      ['orders', 'returns_minor', 'orders_all'].some((name) => numberIn(row, name) > 0),
    )
    .map((row) => {
      const channel = String(row['channel']);
      const part = mix?.parts.find((each) => each.channel === channel);
      return {
        channel,
        orders: numberIn(row, 'orders'),
        units: numberIn(row, 'units'),
        revenue_minor: numberIn(row, 'revenue_minor'),
        returns_minor: numberIn(row, 'returns_minor'),
        margin_minor: numberIn(row, 'margin_minor'),
        lines_without_cost: numberIn(row, 'lines_without_cost'),
        order_value_minor: boundedOrderValue(rowOf(rows.customers, channel), 'customers'),
        retention: boundedShare(rowOf(rows.retention, channel), 'retained', 'before'),
        share: part?.share ?? null,
        target_share: part?.targetShare ?? null,
        deviation_points: part?.deviationPoints ?? null,
      };
    });
}

function mixParts(rows: EconomicsRows): Parameters<typeof mixOf>[0] {
  const targets =
    rows.targets.length > 0
      ? new Map(rows.targets.map((row) => [String(row['channel']), numberIn(row, 'target')]))
      : new Map(Object.entries(DEFAULT_TARGETS));
  return [...targets].map(([channel, target]) => ({
    channel,
    target,
    count: numberIn(rowOf(rows.channels, channel), 'orders_all'),
  }));
}

function cohortsOf(rows: EconomicsRows, watermarkMs: number): EconomicsAnswer['cohorts'] {
  return rows.cohorts.map((row) => ({
    month: numberIn(row, 'cohort_ms'),
    customers: numberIn(row, 'customers'),
    repurchase: boundedShare(row, 'repurchased', 'customers'),
    margin_per_customer_minor: numberIn(row, 'margin_minor') / numberIn(row, 'customers'),
    provisional: numberIn(row, 'matured_ms') > watermarkMs,
  }));
}

/** Of those who ordered in the stretch before, the share that ordered again; cohorts add up. */
function retentionOf(cohorts: readonly Row[]): EconomicsAnswer['retention'] {
  const total = (name: string): number =>
    cohorts.reduce((sum, row) => sum + numberIn(row, name), 0);
  return boundedShare(
    { before: total('before'), retained: total('retained') },
    'retained',
    'before',
  );
}

function rowOf(rows: readonly Row[], channel: string): Row | undefined {
  return rows.find((row) => row['channel'] === channel);
}

/** The rows behind the answer, as ClickHouse has counted them. */
interface EconomicsRows {
  readonly channels: readonly Row[];
  readonly customers: readonly Row[];
  readonly credits: readonly Row[];
  readonly targets: readonly Row[];
  readonly retention: readonly Row[];
  readonly cohorts: readonly Row[];
}

async function readEconomics(
  engine: EnginePort,
  question: AskedRange & { readonly currency: string; readonly model: string },
): Promise<EconomicsRows> {
  const { fromMs: from_ms, toMs: to_ms, currency, model } = question;
  const asked = { from_ms, to_ms, currency };
  const [channels, customers, credits, targets, retention, cohorts] = await Promise.all([
    engine.query(CHANNELS_SQL, asked),
    engine.query(CUSTOMERS_SQL, asked),
    engine.query(CREDIT_SQL, { ...asked, model }),
    engine.query(TARGETS_SQL, { to_ms }),
    engine.query(RETENTION_SQL, asked),
    engine.query(COHORTS_SQL, asked),
  ]);
  return { channels, customers, credits, targets, retention, cohorts };
}

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'What channels cost and earn',
  description:
    'Spend, credit and increment per marketing channel; orders, margin and mix per sales channel; customers by cohort. docs/economics.md explains each number.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: { type: 'string', maxLength: 32, description: 'Inclusive; a day before to by default' },
      to: { type: 'string', maxLength: 32, description: 'Exclusive; now by default' },
      currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'EUR by default' },
      model: {
        type: 'string',
        pattern: '^[a-z_]{1,32}$',
        description: 'last_non_direct by default',
      },
    },
  },
  response: {
    200: {
      description: 'The economics',
      content: { 'application/json': { schema: EconomicsAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
