import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { CARTS_SQL } from '../processors/economics/reads.ts';
import type { Row, Value } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { DAY_MS } from '../schemas/time.ts';
import { Freshness, Off, offAmong, problemAnswers } from './answers.ts';
import { askedRange } from './asked-range.ts';
import { BoundedOrNull, boundedShare, numberIn } from './bounded.ts';
import type { Clock } from './clock.ts';

/** Carts are read from raw events: as much as one answer waits for. */
const DAYS_MAX = 92;

/** Carts of the last day have all still time, so the day before is asked for with it. */
const USUAL_MS = 2 * DAY_MS;

interface CartsRoute {
  readonly Querystring: { readonly from?: string; readonly to?: string };
}

/** Adds `GET /v1/economics/carts`: carts that no order followed, and what held of their product. */
export function addCarts(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<CartsRoute>('/v1/economics/carts', { schema: DOCUMENTATION }, async (request, reply) => {
    const nowMs = clock.nowMs();
    const { fromMs, toMs } = askedRange(request.query, {
      nowMs,
      usualMs: USUAL_MS,
      daysMax: DAYS_MAX,
    });
    const status = engine.status();
    const { watermark } = status;
    const found = await engine.query(CARTS_SQL, {
      from_ms: fromMs,
      to_ms: toMs,
      watermark_ms: watermark ?? 0,
    });
    const off = offAmong(status, ['stock', 'parity']);
    const unknown = Object.fromEntries(off.map((column) => [column, 'unknown']));
    const rows = found.map((row) => ({ ...row, ...unknown }));
    const answer: CartsAnswer = {
      from: fromMs,
      to: toMs,
      channels: summedBy(rows, 'channel').map((row) => ({
        channel: String(row['channel']),
        ...figuresOf(row),
      })),
      stock: summedBy(rows, 'stock').map((row) => ({
        stock: String(row['stock']),
        ...figuresOf(row),
      })),
      parity: summedBy(rows, 'parity').map((row) => ({
        parity: String(row['parity']),
        ...figuresOf(row),
      })),
      rows: summedBy(rows, 'channel', 'stock', 'parity').map((row) => ({
        channel: String(row['channel']),
        stock: String(row['stock']),
        parity: String(row['parity']),
        ...figuresOf(row),
      })),
      as_of: clock.nowMs(),
      watermark,
      complete: watermark !== null && toMs + DAY_MS <= watermark,
      processors_off: off,
    };
    return reply.header('cache-control', 'no-store').send(answer);
  });
}

const COUNTS = ['carts', 'abandoned', 'pending'] as const;

/** The counts of rows that have the same `columns`, added up. */
function summedBy(rows: readonly Row[], ...columns: readonly string[]): readonly Row[] {
  const sums = new Map<string, Record<string, Value>>();
  for (const row of rows) {
    const key = JSON.stringify(columns.map((column) => row[column]));
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...row });
    else for (const name of COUNTS) sum[name] = numberIn(sum, name) + numberIn(row, name);
  }
  return [...sums.values()];
}

function figuresOf(row: Row): Static<typeof Figures> {
  return {
    carts: numberIn(row, 'carts'),
    abandoned: boundedShare(row, 'abandoned', 'carts'),
    pending: numberIn(row, 'pending'),
  };
}

const FIGURES = {
  carts: Type.Number({ description: 'Carts whose time to become an order is over' }),
  abandoned: BoundedOrNull,
  pending: Type.Number({ description: 'Carts that have still time' }),
};
const Figures = Type.Object(FIGURES);
const CHANNEL = Type.String({ description: 'Channel of the click that filled the cart' });
const STOCK = Type.String({ description: 'out (at every node), in_stock or unknown' });
const PARITY = Type.String({
  description:
    'under or over: some sales channel sold it for less, or for more, than the reference; parity; unknown',
});

const CartsAnswer = Type.Object({
  from: Type.Integer(),
  to: Type.Integer(),
  channels: Type.Array(Type.Object({ channel: CHANNEL, ...FIGURES })),
  stock: Type.Array(Type.Object({ stock: STOCK, ...FIGURES })),
  parity: Type.Array(Type.Object({ parity: PARITY, ...FIGURES })),
  rows: Type.Array(Type.Object({ channel: CHANNEL, stock: STOCK, parity: PARITY, ...FIGURES })),
  ...Freshness,
  ...Off,
});
export type CartsAnswer = Static<typeof CartsAnswer>;

const DOCUMENTATION = {
  tags: ['reads'],
  summary: 'Carts that no order followed',
  description:
    'A visitor’s first add to cart of a UTC day without an order within 24 hours, by channel, and by stock and price of the product at that moment.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: {
        type: 'string',
        maxLength: 32,
        description: 'Inclusive; two days before to by default',
      },
      to: { type: 'string', maxLength: 32, description: 'Exclusive; now by default' },
    },
  },
  response: {
    200: {
      description: 'The carts',
      content: { 'application/json': { schema: CartsAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
