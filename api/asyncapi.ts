import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { LIVE_TOPICS, type Panel } from '../schemas/panel.ts';
import { ValueSchema } from './answers.ts';
import { LIVE_ERROR_CODES, SUBPROTOCOL, SUBSCRIPTION_ID_LENGTH_MAX } from './live/messages.ts';
import { PIPELINE_PANEL } from './live/pipeline-row.ts';
import { LIVE_PATH } from './live/socket.ts';

const Instant = Type.Integer({ description: 'UTC milliseconds since the epoch' });
const Id = Type.String({ minLength: 1, maxLength: SUBSCRIPTION_ID_LENGTH_MAX });
const Rows = Type.Array(Type.Record(Type.String(), ValueSchema));
const Watermark = Type.Union([Instant, Type.Null()]);

const SENT_BY_CLIENT = {
  subscribe: Type.Object({
    type: Type.Literal('subscribe'),
    id: Id,
    topic: Type.String(),
    filter: Type.Optional(Type.Record(Type.String(), Type.Array(ValueSchema))),
    resume_from: Type.Optional(Type.Integer({ description: 'seq of the last message received' })),
  }),
  unsubscribe: Type.Object({ type: Type.Literal('unsubscribe'), id: Id }),
  ping: Type.Object({ type: Type.Literal('ping') }),
};

const SENT_BY_SERVER = {
  snapshot: Type.Object({
    type: Type.Literal('snapshot'),
    id: Id,
    topic: Type.String(),
    seq: Type.Integer(),
    rows: Rows,
    as_of: Instant,
    watermark: Watermark,
  }),
  update: Type.Object({
    type: Type.Literal('update'),
    id: Id,
    topic: Type.String(),
    seq: Type.Integer(),
    rows: Rows,
    sent_at: Instant,
    newest_event_at: Type.Union([Instant, Type.Null()]),
    pipeline_ms: Type.Union([Type.Integer(), Type.Null()]),
    watermark: Watermark,
  }),
  alert: Type.Object({ type: Type.Literal('alert'), alert_id: Type.String() }),
  pong: Type.Object({ type: Type.Literal('pong') }),
  error: Type.Object({
    type: Type.Literal('error'),
    code: Type.Union(LIVE_ERROR_CODES.map((code) => Type.Literal(code))),
    message: Type.String(),
    id: Type.Optional(Id),
  }),
};

/** Adds `/asyncapi.json`: the messages of the WebSocket. */
export function addAsyncApi(app: FastifyInstance, panels: readonly Panel[]): void {
  const document = asyncApiDocument(panels);
  app.get('/asyncapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.send(document),
  );
}

/** @see AsyncAPI 3.0 */
function asyncApiDocument(panels: readonly Panel[]): Readonly<Record<string, unknown>> {
  const shown = [...panels, PIPELINE_PANEL];
  const topics = LIVE_TOPICS.filter((topic) => shown.some((panel) => panel.topic === topic));
  const client = references(Object.keys(SENT_BY_CLIENT));
  const server = references(Object.keys(SENT_BY_SERVER));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Weir live updates',
      version: '0.1.0',
      description: `Subprotocol ${SUBPROTOCOL}. Topics: ${topics.join(', ')}. Close code 4008: the connection took updates too slowly.`,
    },
    channels: {
      live: {
        address: LIVE_PATH,
        messages: Object.fromEntries(
          [...Object.entries(SENT_BY_CLIENT), ...Object.entries(SENT_BY_SERVER)].map(
            ([name, payload]) => [name, { name, payload }],
          ),
        ),
      },
    },
    operations: {
      ask: { action: 'receive', channel: { $ref: '#/channels/live' }, messages: client },
      tell: { action: 'send', channel: { $ref: '#/channels/live' }, messages: server },
    },
  };
}

function references(names: readonly string[]): readonly { readonly $ref: string }[] {
  return names.map((name) => ({ $ref: `#/channels/live/messages/${name}` }));
}
