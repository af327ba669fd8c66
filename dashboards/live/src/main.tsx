import { render } from 'preact';

import { SECOND_MS } from '../../../schemas/time.ts';
import { App } from './app.tsx';
import { Acknowledgements } from './live/acknowledgements.ts';
import {
  browserClock,
  createEventsTransport,
  createWebSocketTransport,
} from './live/browser-transports.ts';
import { parseCarts, parseEconomics, parseSegments } from './live/economics.ts';
import { LiveFeed } from './live/feed.ts';
import { parseCards } from './live/lift.ts';
import { CAPACITY_PATH, parseCapacity } from './live/node-capacity.ts';
import { parsePaths } from './live/paths.ts';
import { Polled } from './live/polled.ts';
import { TodayHours } from './live/today.ts';
import { VerdictDecisions } from './live/verdicts.ts';

/**
 * Least time between two paintings. The server sends every 50 ms, but a number that changes twenty
 * times a second cannot be read, and the battery of a phone pays for it.
 */
const PAINT_APART_MS = 200;

/** Verdicts rest on visitors whose horizon is over: they change slowly, and each answer is a query. */
const VERDICTS_APART_MS = 10 * SECOND_MS;

/** Economics of a day and paths of a month read raw events; a minute hardly changes them. */
const ECONOMICS_APART_MS = 60 * SECOND_MS;

const root = document.getElementById('app');
let paintedAt = Number.NEGATIVE_INFINITY;
let isPaintDue = false;

function paint(): void {
  isPaintDue = false;
  paintedAt = performance.now();
  if (root === null) return;
  const nowMs = Date.now();
  const live = {
    feed,
    today,
    lift,
    economics,
    carts,
    segments,
    paths,
    capacity,
    decisions,
    acknowledgements,
  };
  render(<App {...live} nowMs={nowMs} />, root);
}

/** Paints soon: with the next frame when the last painting is long enough ago. */
function paintSoon(): void {
  if (isPaintDue) return;
  isPaintDue = true;
  const waitMs = Math.max(0, paintedAt + PAINT_APART_MS - performance.now());
  window.setTimeout(() => window.requestAnimationFrame(paint), waitMs);
}

async function getJson(path: string): Promise<unknown> {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const body: unknown = await response.json();
  return body;
}

async function postJson(path: string, body: unknown) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { isOk: response.ok, status: response.status, body: parsed(text) };
}

/** The value of JSON text; undefined for an empty body or a proxy's HTML. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const feed = new LiveFeed({
  clock: browserClock,
  websocket: createWebSocketTransport(window.location),
  events: createEventsTransport(),
  changed: paintSoon,
});
const today = new TodayHours({ clock: browserClock, getJson, changed: paintSoon });
const polling = { clock: browserClock, getJson, changed: paintSoon };
const lift = new Polled({
  ...polling,
  path: '/v1/lift',
  apartMs: VERDICTS_APART_MS,
  parse: parseCards,
});
const economics = new Polled({
  ...polling,
  path: '/v1/economics',
  apartMs: ECONOMICS_APART_MS,
  parse: parseEconomics,
});
const carts = new Polled({
  ...polling,
  path: '/v1/economics/carts',
  apartMs: ECONOMICS_APART_MS,
  parse: parseCarts,
});
const segments = new Polled({
  ...polling,
  path: '/v1/economics/segments',
  apartMs: ECONOMICS_APART_MS,
  parse: parseSegments,
});
const decisions = new VerdictDecisions({ postJson, changed: paintSoon });
const paths = new Polled({
  ...polling,
  path: '/v1/attribution/paths',
  apartMs: ECONOMICS_APART_MS,
  parse: parsePaths,
});
const capacity = new Polled({
  ...polling,
  path: CAPACITY_PATH,
  apartMs: VERDICTS_APART_MS,
  parse: parseCapacity,
});
const acknowledgements = new Acknowledgements({ postJson, changed: paintSoon });

feed.start();
paint();
// Ages grow although nothing arrives.
window.setInterval(paintSoon, SECOND_MS);
// A phone that wakes up need not wait for the next try.
window.addEventListener('online', () => feed.retryNow());
