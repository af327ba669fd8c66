import { readFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { extname, join } from 'node:path';

import { type WebSocket, WebSocketServer } from 'ws';

import type { Row } from '../../schemas/panel.ts';
import { CARTS, ECONOMICS, SEGMENTS } from './scripted-economics.ts';
import { LIFT_COMPARISONS, LIFT_TESTS } from './scripted-lift.ts';
import { PATHS } from './scripted-paths.ts';
import {
  SHOP_TOPICS,
  type ScriptedShop,
  type ShopTopic,
  type ShopUpdate,
  TICK_MS,
} from './scripted-shop.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** A node that should move something to another. */
const FULL_NODE = {
  area: 'whole',
  node_id: 'berlin',
  capacity: 1_000,
  used: 870,
  state: 'BREACH',
  shift_units: 70,
  shift_to: 'hamburg',
};

/** A subscription that a page asked for. */
export interface Subscription {
  readonly id: string;
  readonly topic: ShopTopic;
  readonly filter: Readonly<Record<string, readonly string[]>>;
  readonly resumeFrom: number | undefined;
}

/** A running server and what pages asked of it. */
export interface ScriptedServer {
  readonly url: string;
  readonly subscriptions: readonly Subscription[];
  /** Ids of the incidents that were acknowledged by POST. */
  readonly acknowledged: readonly string[];
  close(): Promise<void>;
}

/**
 * A small real server: the built page, the live protocol over WebSocket and server-sent events, the
 * few other endpoints the page uses. `shop` outlives it, so that a restart can be resumed from.
 */
export async function startScriptedServer(options: {
  readonly port: number;
  readonly distDir: string;
  readonly shop: ScriptedShop;
  /** Refuses WebSocket upgrades, as some company networks do. */
  readonly refusesWebSocket?: boolean;
  /** Lets no time pass by itself: the test alone moves the shop. */
  readonly isStill?: boolean;
}): Promise<ScriptedServer> {
  const { port, distDir, shop } = options;
  const subscriptions: Subscription[] = [];
  const acknowledged: string[] = [];
  const server = createServer((request, response) => {
    void answer(request, response, { shop, distDir, acknowledged });
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has('weir.v1') ? 'weir.v1' : false),
  });
  server.on('upgrade', (request, socket, head) => {
    if (options.refusesWebSocket === true || request.url !== '/v1/live') {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      serveSocket(opened, shop, subscriptions);
    });
  });
  const timer =
    options.isStill === true ? undefined : setInterval(() => shop.tick(TICK_MS), TICK_MS);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    subscriptions,
    acknowledged,
    close: async () => {
      clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      await closeServer(server);
    },
  };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}

function serveSocket(socket: WebSocket, shop: ScriptedShop, seen: Subscription[]): void {
  const active = new Map<string, Subscription>();
  const send = (message: object) => socket.send(JSON.stringify(message));
  const stop = shop.onUpdate((update) => {
    for (const subscription of active.values()) {
      if (subscription.topic === update.topic) send(updateMessage(shop, subscription, update));
    }
  });
  socket.on('close', stop);
  socket.on('message', (data: Buffer) => {
    const message: unknown = JSON.parse(data.toString());
    if (!isObject(message)) return;
    if (message['type'] === 'ping') send({ type: 'pong' });
    if (message['type'] === 'unsubscribe') active.delete(String(message['id']));
    if (message['type'] !== 'subscribe') return;
    const subscription = parseSubscription(message);
    if (subscription === undefined) {
      send({
        type: 'error',
        code: 'TOPIC_UNKNOWN',
        message: `No topic ${String(message['topic'])}`,
      });
      return;
    }
    seen.push(subscription);
    active.set(subscription.id, subscription);
    const { topic, resumeFrom } = subscription;
    const missed = resumeFrom === undefined ? undefined : shop.updatesAfter(topic, resumeFrom);
    if (missed === undefined) send(snapshotMessage(shop, subscription));
    else for (const update of missed) send(updateMessage(shop, subscription, update));
  });
}

function snapshotMessage(shop: ScriptedShop, subscription: Subscription): object {
  const { id, topic } = subscription;
  return {
    type: 'snapshot',
    id,
    topic,
    seq: shop.seqOf(topic),
    rows: shop.rowsOf(topic).filter((row) => isWanted(row, subscription)),
    as_of: shop.nowMs,
    watermark: shop.watermark,
  };
}

function updateMessage(shop: ScriptedShop, subscription: Subscription, update: ShopUpdate): object {
  return {
    type: 'update',
    id: subscription.id,
    topic: update.topic,
    seq: update.seq,
    rows: update.rows.filter((row) => isWanted(row, subscription)),
    sent_at: shop.nowMs,
    newest_event_at: shop.nowMs - 180,
    pipeline_ms: 38 + (update.seq % 7),
    watermark: shop.watermark,
  };
}

function isWanted(row: Row, subscription: Subscription): boolean {
  return Object.entries(subscription.filter).every(([column, wanted]) =>
    wanted.includes(String(row[column])),
  );
}

interface Answering {
  readonly shop: ScriptedShop;
  readonly distDir: string;
  readonly acknowledged: string[];
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  answering: Answering,
): Promise<void> {
  const { shop, distDir, acknowledged } = answering;
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  response.setHeader('content-security-policy', "default-src 'self'");
  const acknowledge = /^\/v1\/alerts\/([^/]+)\/acknowledge$/.exec(url.pathname);
  if (acknowledge !== null && request.method === 'POST') {
    const alertId = decodeURIComponent(acknowledge[1] ?? '');
    request.resume();
    const isKnown = shop.acknowledge(alertId, 'you');
    if (isKnown) acknowledged.push(alertId);
    const problem = { title: 'Not found', detail: `No incident ${alertId}`, code: 'ALERT_UNKNOWN' };
    sendJson(response, isKnown ? 200 : 404, isKnown ? { alert_id: alertId } : problem);
    return;
  }
  if (url.pathname === '/v1/channels') {
    const from = Number(url.searchParams.get('from'));
    const to = Number(url.searchParams.get('to'));
    sendJson(response, 200, { rows: shop.storedHours(from, to), next_cursor: null });
    return;
  }
  if (url.pathname === '/v1/lift') {
    sendJson(response, 200, { tests: LIFT_TESTS, comparisons: LIFT_COMPARISONS });
    return;
  }
  if (url.pathname === '/v1/attribution/paths') {
    sendJson(response, 200, PATHS);
    return;
  }
  if (url.pathname === '/v1/fulfilment/capacity') {
    sendJson(response, 200, { rows: [FULL_NODE] });
    return;
  }
  if (url.pathname === '/v1/economics') {
    sendJson(response, 200, ECONOMICS);
    return;
  }
  if (url.pathname === '/v1/economics/carts') {
    sendJson(response, 200, CARTS);
    return;
  }
  if (url.pathname === '/v1/economics/segments') {
    sendJson(response, 200, SEGMENTS);
    return;
  }
  if (url.pathname === '/v1/live/events') {
    serveEvents(request, response, { shop, topics: url.searchParams.getAll('topic') });
    return;
  }
  const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
  try {
    // Only names without a slash: the page has no folders.
    const body = await readFile(join(distDir, name.replaceAll('/', '')));
    response.setHeader('content-type', CONTENT_TYPES[extname(name)] ?? 'text/plain');
    response.end(body);
  } catch {
    sendJson(response, 404, { title: 'Not found' });
  }
}

function serveEvents(
  request: IncomingMessage,
  response: ServerResponse,
  options: { readonly shop: ScriptedShop; readonly topics: readonly string[] },
): void {
  const { shop } = options;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (message: object) => response.write(`data: ${JSON.stringify(message)}\n\n`);
  const subscriptions = SHOP_TOPICS.filter((topic) => options.topics.includes(topic)).map(
    (topic) => ({
      id: topic,
      topic,
      filter: {},
      resumeFrom: undefined,
    }),
  );
  for (const subscription of subscriptions) send(snapshotMessage(shop, subscription));
  const stop = shop.onUpdate((update) => {
    const subscription = subscriptions.find(({ topic }) => topic === update.topic);
    if (subscription !== undefined) send(updateMessage(shop, subscription, update));
  });
  request.on('close', stop);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader(
    'content-type',
    status < 400 ? 'application/json' : 'application/problem+json',
  );
  response.end(JSON.stringify(body));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function parseSubscription(message: Readonly<Record<string, unknown>>): Subscription | undefined {
  const topic = SHOP_TOPICS.find((known) => known === message['topic']);
  if (topic === undefined) return undefined;
  const filter: Record<string, readonly string[]> = {};
  const asked = message['filter'];
  for (const [column, wanted] of Object.entries(isObject(asked) ? asked : {})) {
    if (Array.isArray(wanted)) filter[column] = wanted.map(String);
  }
  const resumeFrom = message['resume_from'];
  return {
    id: String(message['id']),
    topic,
    filter,
    resumeFrom: typeof resumeFrom === 'number' ? resumeFrom : undefined,
  };
}
