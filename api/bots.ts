import type { FastifyInstance } from 'fastify';

import type { Row } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { DAY_MS, MINUTE_MS } from '../schemas/time.ts';
import { offAmong, problemAnswers } from './answers.ts';
import { askedRange } from './asked-range.ts';
import { BotsAnswer } from './bots-answer.ts';
import type { Clock } from './clock.ts';

/** How far back a withdrawal is new. */
const LATELY_MS = 15 * MINUTE_MS;
/** Verdicts of an answer when the caller does not say, and at most. */
const VERDICTS_DEFAULT = 20;
const VERDICTS_MAX = 500;
/** Changes among which the newest of each visitor are looked for: a busy shop has some thousand a day. */
const CHANGES_MAX = 20_000;
/** Longest range: minutes of a year in a dozen channels are summed in a second. */
const DAYS_MAX = 366;

interface BotsRoute {
  readonly Querystring: {
    readonly from?: string;
    readonly to?: string;
    readonly channel?: readonly string[];
    readonly state?: readonly string[];
    readonly verdicts?: number;
  };
}

/** Adds `GET /v1/bots`: how much of the traffic is machines', by channel and reason, and the newest verdicts. */
export function addBots(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly clock: Clock },
): void {
  const { engine, clock } = options;
  app.get<BotsRoute>('/v1/bots', { schema: DOCUMENTATION }, async (request, reply) => {
    const { channel = [], state = [], verdicts = VERDICTS_DEFAULT } = request.query;
    const status = engine.status();
    const { watermark } = status;
    const nowMs = clock.nowMs();
    const { fromMs, toMs } = askedRange(request.query, {
      nowMs,
      usualMs: DAY_MS,
      daysMax: DAYS_MAX,
    });
    const range = { from: fromMs, to: toMs, since: nowMs - LATELY_MS, channels: [...channel] };
    const [channels, reasons, newest] = await Promise.all([
      engine.query(CHANNELS_SQL, range),
      engine.query(REASONS_SQL, range),
      engine.query(VERDICTS_SQL, { states: [...state], limit: verdicts, changes: CHANGES_MAX }),
    ]);
    const rows = channels.map((row) => ({ channel: String(row['channel']), ...clicksOf(row) }));
    const answer: BotsAnswer = {
      from: fromMs,
      to: toMs,
      total: rows.reduce((sum, { channel: _channel, ...clicks }) => added(sum, clicks), NONE),
      channels: rows,
      reasons: reasons.map((row) => ({
        channel: String(row['channel']),
        reason: String(row['reason']),
        clicks_givt: Number(row['givt']),
        clicks_sivt: Number(row['sivt']),
        clicks_suspect: Number(row['suspect']),
        withdrawn_lately: Number(row['withdrawn']),
      })),
      verdicts: newest.map(verdictOf),
      as_of: nowMs,
      watermark,
      complete: watermark !== null && toMs <= watermark,
      processors_off: offAmong(status, ['bots', 'traffic']),
    };
    return reply.header('cache-control', 'no-store').send(answer);
  });
}

const IN_RANGE = `window_start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
    AND window_start < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    AND (empty({channels:Array(String)}) OR channel IN {channels:Array(String)})`;

const LATELY = `window_start >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND (empty({channels:Array(String)}) OR channel IN {channels:Array(String)})`;

/** Clicks per reason, and what was withdrawn lately, whenever the clicks were. */
const REASONS_SQL = `SELECT channel, reason,
    toFloat64(sum(clicks_givt)) AS givt, toFloat64(sum(clicks_sivt)) AS sivt,
    toFloat64(sum(clicks_suspect)) AS suspect, toFloat64(sum(clicks)) AS withdrawn
  FROM
  (
    SELECT channel, reason, clicks_givt, clicks_sivt, clicks_suspect, toInt64(0) AS clicks
    FROM weir.bot_clicks_1m WHERE ${IN_RANGE}
    UNION ALL
    SELECT channel, reason, 0, 0, 0, clicks FROM weir.bot_withdrawals_1m WHERE ${LATELY}
  )
  GROUP BY channel, reason
  ORDER BY channel, givt + sivt + suspect DESC, reason`;

const CHANNELS_SQL = `SELECT channel,
    toFloat64(sum(gross)) AS gross, toFloat64(sum(givt)) AS givt, toFloat64(sum(sivt)) AS sivt,
    toFloat64(sum(suspect)) AS suspect, toFloat64(sum(withdrawn)) AS withdrawn
  FROM
  (
    SELECT channel, clicks_gross AS gross, clicks_givt AS givt, clicks_sivt AS sivt,
      toInt64(0) AS suspect, toInt64(0) AS withdrawn
    FROM weir.channel_1m WHERE currency = '' AND clicks_gross > 0 AND ${IN_RANGE}
    UNION ALL
    SELECT channel, 0, 0, 0, clicks_suspect, 0 FROM weir.bot_clicks_1m WHERE ${IN_RANGE}
    UNION ALL
    SELECT channel, 0, 0, 0, 0, clicks FROM weir.bot_withdrawals_1m WHERE ${LATELY}
  )
  GROUP BY channel
  ORDER BY gross DESC, channel`;

/** The newest change of each visitor, of the newest changes. */
const VERDICTS_SQL = `SELECT visitor_token, from_state, to_state, tier, reason, version, score, features, actor,
    toUnixTimestamp64Milli(decided_at) AS decided_ms, toUnixTimestamp64Milli(from_at) AS from_ms,
    toUnixTimestamp64Milli(until_at) AS until_ms
  FROM (SELECT * FROM weir.bot_verdicts ORDER BY decided_at DESC LIMIT {changes:UInt32})
  WHERE empty({states:Array(String)}) OR to_state IN {states:Array(String)}
  ORDER BY decided_at DESC
  LIMIT 1 BY visitor_token
  LIMIT {limit:UInt32}`;

type Clicks = BotsAnswer['total'];

const NONE: Clicks = {
  clicks_gross: 0,
  clicks_net: 0,
  clicks_givt: 0,
  clicks_sivt: 0,
  clicks_suspect: 0,
  withdrawn_lately: 0,
};

function clicksOf(row: Row): Clicks {
  const [gross, givt, sivt] = [Number(row['gross']), Number(row['givt']), Number(row['sivt'])];
  return {
    clicks_gross: gross,
    clicks_net: gross - givt - sivt,
    clicks_givt: givt,
    clicks_sivt: sivt,
    clicks_suspect: Number(row['suspect']),
    withdrawn_lately: Number(row['withdrawn']),
  };
}

function added(a: Clicks, b: Clicks): Clicks {
  return {
    clicks_gross: a.clicks_gross + b.clicks_gross,
    clicks_net: a.clicks_net + b.clicks_net,
    clicks_givt: a.clicks_givt + b.clicks_givt,
    clicks_sivt: a.clicks_sivt + b.clicks_sivt,
    clicks_suspect: a.clicks_suspect + b.clicks_suspect,
    withdrawn_lately: a.withdrawn_lately + b.withdrawn_lately,
  };
}

function verdictOf(row: Row): BotsAnswer['verdicts'][number] {
  const features = String(row['features']);
  return {
    visitor_token: String(row['visitor_token']),
    state: String(row['to_state']),
    from_state: String(row['from_state']),
    tier: Number(row['tier']),
    reason: String(row['reason']),
    version: String(row['version']),
    decided_at: Number(row['decided_ms']),
    from_at: numberOrNull(row['from_ms']),
    until_at: numberOrNull(row['until_ms']),
    score: numberOrNull(row['score']),
    features: features === '' ? [] : features.split(' '),
    actor: row['actor'] === null ? null : String(row['actor']),
  };
}

function numberOrNull(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

const TEXTS = { type: 'array', items: { type: 'string', maxLength: 64 }, maxItems: 32 };

const DOCUMENTATION = {
  tags: ['reads'],
  summary: "How much of the traffic is machines' and why",
  description:
    'Clicks gross and net, withdrawn by tier and reason, suspect ones, what was withdrawn in the last 15 minutes, and the newest verdicts. docs/bots.md explains each.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      from: { type: 'string', maxLength: 32, description: 'Inclusive; a day before to by default' },
      to: { type: 'string', maxLength: 32, description: 'Exclusive; now by default' },
      channel: TEXTS,
      state: { ...TEXTS, description: 'Verdicts that led to one of these states' },
      verdicts: { type: 'integer', minimum: 0, maximum: VERDICTS_MAX, description: 'How many' },
    },
  },
  response: {
    200: {
      description: 'The quality of the traffic',
      content: { 'application/json': { schema: BotsAnswer } },
    },
    ...problemAnswers(400, 503),
  },
};
