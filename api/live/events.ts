import type { FastifyInstance } from 'fastify';

import { LIVE_TOPICS, type LiveTopic, type Panel } from '../../schemas/panel.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import type { Clock } from '../clock.ts';
import type { Guard } from '../guard/guard.ts';
import { Problem } from '../problem.ts';
import { FILTER_VALUES_MAX } from './filter.ts';
import type { LiveHub } from './hub.ts';
import { PIPELINE_PANEL } from './pipeline-row.ts';
import { CLOSE_TOO_SLOW, type Encoding, type Viewer } from './viewer.ts';

export const EVENTS_PATH = '/v1/live/events';

/** How long a browser waits before it connects again. */
const RETRY_MS = 2 * SECOND_MS;

/** Below the 30 s after which the strictest common proxies cut a silent answer. */
const KEEP_ALIVE_INTERVAL_MS = 15 * SECOND_MS;

/**
 * The messages of the WebSocket as server-sent events; the event id is `topic:seq`, so that a browser
 * that connects again says by itself how far it had come.
 *
 * @see HTML standard, section 9.2
 */
export const EVENTS_ENCODING: Encoding = {
  encode(message, seq) {
    const id = seq === undefined ? '' : `id: ${seq.topic}:${seq.value}\n`;
    return Buffer.from(`${id}data: ${message}\n\n`);
  },
};

const DOCUMENTATION = {
  tags: ['live'],
  summary: 'Live updates as server-sent events',
  description:
    'The messages of the WebSocket `/v1/live`, one per event: a `snapshot` for each topic, then its `update`s. ' +
    'Filter by columns of the topic, `?topic=channels&channel=amazon`.',
  querystring: {
    type: 'object',
    required: ['topic'],
    properties: {
      topic: {
        type: 'array',
        items: { type: 'string', enum: [...LIVE_TOPICS] },
        maxItems: LIVE_TOPICS.length,
      },
    },
    additionalProperties: {
      type: 'array',
      items: { type: 'string' },
      maxItems: FILTER_VALUES_MAX,
    },
  },
  produces: ['text/event-stream'],
};

/** Adds the live updates as a stream of server-sent events. */
export function addEventStream(
  app: FastifyInstance,
  options: {
    readonly hub: LiveHub;
    readonly panels: readonly Panel[];
    readonly clock: Clock;
    readonly guard: Guard | undefined;
  },
): void {
  const { hub, panels, clock, guard } = options;
  app.get<{ Querystring: Readonly<Record<string, readonly string[]>> }>(
    EVENTS_PATH,
    { schema: DOCUMENTATION, exposeHeadRoute: false },
    (request, reply) => {
      const subscriptions = planSubscriptions([...panels, PIPELINE_PANEL], request.query);
      const lastEventId = parseLastEventId(request.headers['last-event-id']);
      const response = reply.raw;
      const viewer: Viewer = {
        encoding: EVENTS_ENCODING,
        write(frame) {
          if (!response.writableEnded) response.write(frame);
        },
        bufferedBytes: () => response.writableLength,
        close(code) {
          // What a slow reader has not taken would wait in memory for ever.
          if (code === CLOSE_TOO_SLOW) response.destroy();
          else response.end();
        },
      };
      if (!hub.join(viewer)) {
        throw new Problem({
          code: 'VIEWERS_LIMIT',
          detail: 'As many viewers are connected as the configuration allows',
          headers: { 'retry-after': '30' },
        });
      }
      reply.hijack();
      response.writeHead(200, {
        ...definedHeaders(reply.getHeaders()),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // Tells nginx not to collect the stream.
        'x-accel-buffering': 'no',
      });
      const stopKeepAlive = clock.every(KEEP_ALIVE_INTERVAL_MS, () => {
        if (response.writableLength === 0) response.write(': keep-alive\n\n');
      });
      response.on('drain', () => {
        hub.drained(viewer);
      });
      const unfollow = guard?.follow(request.headers, () => response.end());
      response.on('close', () => {
        unfollow?.();
        stopKeepAlive();
        hub.leave(viewer);
      });
      response.write(`retry: ${RETRY_MS}\n\n`);
      for (const { topic, filter } of subscriptions) {
        const resumeFrom = lastEventId?.topic === topic ? lastEventId.seq : undefined;
        hub.subscribe(viewer, { kind: 'subscribe', id: topic, topic, filter, resumeFrom });
      }
    },
  );
}

interface PlannedSubscription {
  readonly topic: LiveTopic;
  readonly filter: Readonly<Record<string, readonly string[]>>;
}

/** Gives each topic the filters that it knows; a column that no topic knows is a mistake. */
function planSubscriptions(
  panels: readonly Panel[],
  query: Readonly<Record<string, readonly string[]>>,
): readonly PlannedSubscription[] {
  const columns = Object.keys(query).filter((name) => name !== 'topic');
  const used = new Set<string>();
  const planned: PlannedSubscription[] = [];
  for (const topic of LIVE_TOPICS) {
    if (query['topic']?.includes(topic) !== true) continue;
    const panel = panels.find((candidate) => candidate.topic === topic);
    if (panel === undefined) {
      throw new Problem({ code: 'QUERY_INVALID', detail: `topic: ${topic} has no rows here` });
    }
    const known = columns.filter(
      (column) => panel.query.filters.includes(column) || panel.live.key.includes(column),
    );
    for (const column of known) used.add(column);
    planned.push({
      topic,
      filter: Object.fromEntries(known.map((column) => [column, query[column] ?? []])),
    });
  }
  const unused = columns.find((column) => !used.has(column));
  if (unused !== undefined) {
    throw new Problem({
      code: 'QUERY_INVALID',
      detail: 'Expected columns that one of the topics can be filtered by',
    });
  }
  return planned;
}

function parseLastEventId(
  header: string | readonly string[] | undefined,
): { readonly topic: string; readonly seq: number } | undefined {
  if (typeof header !== 'string') return undefined;
  const found = /^([a-z]+):(\d{1,15})$/.exec(header);
  return found === null ? undefined : { topic: found[1] ?? '', seq: Number(found[2]) };
}

function definedHeaders(
  headers: Readonly<Record<string, number | string | string[] | undefined>>,
): Record<string, number | string | string[]> {
  const defined: Record<string, number | string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) defined[name] = value;
  }
  return defined;
}
