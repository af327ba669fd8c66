import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { SEGMENTS_SQL, SEGMENT_RULES_SQL } from '../processors/economics/reads.ts';
import type { EnginePort } from '../schemas/ports.ts';
import {
  DEFAULT_SEGMENT_RULES,
  OTHER_SEGMENT,
  type SegmentRule,
  parseSegmentRule,
  segmentParameters,
} from '../schemas/segment-rule.ts';
import { DAY_MS } from '../schemas/time.ts';
import { Freshness, problemAnswers } from './answers.ts';
import { askedRange } from './asked-range.ts';
import { BoundedOrNull, boundedOrderValue, boundedShare, numberIn } from './bounded.ts';
import type { Clock } from './clock.ts';

/** Visitors are read from raw events: as much as one answer waits for. */
const DAYS_MAX = 92;

/** Every visitor is compared with each rule. */
const RULES_MAX = 32;

interface SegmentsRoute {
  readonly Querystring: {
    readonly from?: string;
    readonly to?: string;
    readonly currency?: string;
  };
}

/** Adds `GET /v1/economics/segments`: visitors by what they did, and what they brought. */
export function addSegments(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<SegmentsRoute>(
    '/v1/economics/segments',
    { schema: DOCUMENTATION },
    async (request, reply) => {
      const nowMs = clock.nowMs();
      const { currency = 'EUR' } = request.query;
      const { fromMs, toMs } = askedRange(request.query, {
        nowMs,
        usualMs: DAY_MS,
        daysMax: DAYS_MAX,
      });
      const { watermark } = engine.status();
      const { rules, ignored } = await rulesAt(engine, toMs);
      const rows = await engine.query(SEGMENTS_SQL, {
        from_ms: fromMs,
        to_ms: toMs,
        currency,
        ...segmentParameters(rules.map(({ rule }) => rule)),
      });
      const answer: SegmentsAnswer = {
        from: fromMs,
        to: toMs,
        currency,
        segments: rows.map((row) => ({
          segment: row['segment'] === '' ? OTHER_SEGMENT : String(row['segment']),
          visitors: numberIn(row, 'visitors'),
          customers: numberIn(row, 'customers'),
          conversion: boundedShare(row, 'customers', 'visitors'),
          orders: numberIn(row, 'orders'),
          revenue_minor: numberIn(row, 'y'),
          order_value_minor: boundedOrderValue(row, 'valued'),
        })),
        rules: rules.map(({ rule, since }) => ({ ...rule, when: { ...rule.when }, since })),
        rules_ignored: ignored,
        as_of: clock.nowMs(),
        watermark,
        complete: watermark !== null && toMs <= watermark,
      };
      return reply.header('cache-control', 'no-store').send(answer);
    },
  );
}

interface RulesAt {
  readonly rules: readonly { readonly rule: SegmentRule; readonly since: number | null }[];
  /** Reference events that are no rules, or more than are compared. */
  readonly ignored: number;
}

/** The rules that hold at an instant: those of reference events, or the default ones while there are none. */
async function rulesAt(engine: EnginePort, toMs: number): Promise<RulesAt> {
  const rows = await engine.query(SEGMENT_RULES_SQL, { to_ms: toMs });
  if (rows.length === 0)
    return { rules: DEFAULT_SEGMENT_RULES.map((rule) => ({ rule, since: null })), ignored: 0 };
  const rules = rows
    .flatMap((row) => {
      const rule = parseSegmentRule(String(row['text']));
      return rule === undefined ? [] : [{ rule, since: numberIn(row, 'since_ms') }];
    })
    .slice(0, RULES_MAX);
  return { rules, ignored: rows.length - rules.length };
}

const SegmentsAnswer = Type.Object({
  from: Type.Integer(),
  to: Type.Integer(),
  currency: Type.String(),
  segments: Type.Array(
    Type.Object({
      segment: Type.String({ description: 'other: no rule fits' }),
      visitors: Type.Number({ description: 'Visitors with a net click or an order in the range' }),
      customers: Type.Number({ description: 'Those of them with an order' }),
      conversion: BoundedOrNull,
      orders: Type.Number(),
      revenue_minor: Type.Number({ description: 'Of orders in the currency' }),
      order_value_minor: BoundedOrNull,
    }),
  ),
  rules: Type.Array(
    Type.Object({
      segment: Type.String(),
      when: Type.Record(Type.String(), Type.Number(), {
        description: 'How often each feature must have been counted at least',
      }),
      since: Type.Union([Type.Integer(), Type.Null()], {
        description: 'When the rule was set, UTC milliseconds; null for a default one',
      }),
    }),
    { description: 'In the order in which they are tried' },
  ),
  rules_ignored: Type.Integer({ description: 'Rules that are no rules, or more than 32' }),
  ...Freshness,
});
export type SegmentsAnswer = Static<typeof SegmentsAnswer>;

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'Visitors by segment',
  description:
    'Visitors of the range by the first rule that fits what they did, and what they brought. Rules are reference events; docs/economics.md says how.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: { type: 'string', maxLength: 32, description: 'Inclusive; a day before to by default' },
      to: { type: 'string', maxLength: 32, description: 'Exclusive; now by default' },
      currency: { type: 'string', pattern: '^[A-Z]{3}$', description: 'EUR by default' },
    },
  },
  response: {
    200: {
      description: 'The segments',
      content: { 'application/json': { schema: SegmentsAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
