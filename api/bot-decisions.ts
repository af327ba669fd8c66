import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

import { BOT_VERDICTS } from '../processors/bots/row.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { problemAnswers } from './answers.ts';
import { actorOf } from './guard/actor.ts';
import type { Guard } from './guard/guard.ts';
import { Problem } from './problem.ts';
import { requireProcessor } from './require-processor.ts';

/** Longest token that is looked up. */
const TOKEN_LENGTH_MAX = 128;

const DecisionBody = Type.Object(
  {
    actor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Who decides, beside the key' }),
    ),
  },
  { additionalProperties: false },
);

const DecisionAnswer = Type.Object({
  visitor_token: Type.String(),
  decision: Type.Union([Type.Literal('cleared'), Type.Literal('confirmed')]),
  actor: Type.String({ description: 'As it stands in weir.bot_verdicts' }),
});

interface DecisionRoute {
  readonly Params: { readonly visitor: string };
  readonly Body: Static<typeof DecisionBody> | undefined;
}

/** Adds `POST /v1/bots/{visitor}/clear` and `/confirm`: a person's word on a verdict. */
export function addBotDecisions(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly guard: Guard | undefined },
): void {
  const { engine, guard } = options;
  for (const [path, decision] of [
    ['clear', 'cleared'],
    ['confirm', 'confirmed'],
  ] as const) {
    app.post<DecisionRoute>(
      `/v1/bots/:visitor/${path}`,
      { schema: documentation(decision) },
      async (request, reply) => {
        const { visitor } = request.params;
        requireProcessor(engine, 'bots');
        const { partition, aboutMs } = await judgedVisitor(engine, visitor);
        const { headers, body } = request;
        const actor = actorOf({ headers, named: body?.actor }, guard);
        await engine.decide({
          visitorToken: visitor,
          partition,
          isCleared: decision === 'cleared',
          aboutMs,
          actor,
        });
        return reply.code(202).send({ visitor_token: visitor, decision, actor });
      },
    );
  }
}

/** Where the visitor's events are, and when the newest of them was; it need not have a verdict yet. */
async function judgedVisitor(
  engine: EnginePort,
  visitor: string,
): Promise<{ readonly partition: number; readonly aboutMs: number }> {
  const [row] = await engine.query(JUDGED_SQL, { visitor });
  if (row !== undefined && Number(row['verdicts']) + Number(row['clicks']) > 0) {
    return { partition: Number(row['partition']), aboutMs: Number(row['about_ms']) };
  }
  // Viewers see a verdict before ClickHouse has it.
  const shown = engine
    .current(BOT_VERDICTS.name, 0)
    .updates.findLast((update) => update.row['visitor_token'] === visitor)?.row;
  if (shown === undefined) {
    throw new Problem({
      code: 'VISITOR_UNKNOWN',
      detail: 'There is neither a verdict on a visitor with this token nor a click of it',
    });
  }
  const aboutMs = Number(shown['newest_at'] ?? shown['decided_at']);
  return { partition: Number(shown['visitor_partition']), aboutMs };
}

const JUDGED_SQL = `WITH judged AS
  (
    SELECT count() AS changes, argMax(visitor_partition, decided_at) AS visitor_partition,
      ifNull(max(newest_at), max(decided_at)) AS newest_at
    FROM weir.bot_verdicts WHERE visitor_token = {visitor:String}
  ),
  seen AS
  (
    SELECT count() AS clicks, any(\`partition\`) AS click_partition, max(occurred_at) AS newest_at
    FROM weir.clicks
    WHERE visitor_id = {visitor:String} AND occurred_at >= (SELECT newest_at FROM judged)
  )
  SELECT
    toUInt32(judged.changes) AS verdicts,
    toUInt32(seen.clicks) AS clicks,
    toUInt32(if(judged.changes = 0, seen.click_partition, judged.visitor_partition)) AS partition,
    toUnixTimestamp64Milli(greatest(judged.newest_at, seen.newest_at)) AS about_ms
  FROM judged CROSS JOIN seen`;

function documentation(decision: 'cleared' | 'confirmed') {
  return {
    tags: ['bots'],
    summary: decision === 'cleared' ? 'Say that a visitor is a person' : 'Say that it is a machine',
    description:
      'The decision goes through the log, so that a recomputation knows it too, and stands in weir.bot_verdicts with who decided. Numbers change shortly after the answer.',
    params: Type.Object({ visitor: Type.String({ minLength: 1, maxLength: TOKEN_LENGTH_MAX }) }),
    body: { content: { 'application/json': { schema: DecisionBody } } },
    response: {
      202: {
        description: 'The decision is durable',
        content: { 'application/json': { schema: DecisionAnswer } },
      },
      ...problemAnswers(400, 404, 409, 503),
    },
  };
}
