import { expect, test } from 'vitest';

import { LiveFeed } from '../src/live/feed.ts';
import { isJsonObject, type JsonObject } from '../src/live/rows.ts';
import { type Attempt, ScriptedTransport } from './scripted-transport.ts';
import { VirtualClock } from './virtual-clock.ts';

const START_MS = Date.UTC(2026, 10, 21, 20, 45);

function start() {
  const clock = new VirtualClock(START_MS);
  const websocket = new ScriptedTransport('websocket');
  const events = new ScriptedTransport('events');
  const feed = new LiveFeed({ clock, websocket, events, changed: () => {} });
  feed.start();
  return { clock, websocket, events, feed };
}

function asked(attempt: Attempt, topic: string): JsonObject[] {
  return attempt.sent
    .map((text): unknown => JSON.parse(text))
    .filter(isJsonObject)
    .filter((message) => message['topic'] === topic);
}

function say(attempt: Attempt, message: object): void {
  attempt.events.received(JSON.stringify(message));
}

function orders(count: number) {
  const row = { window_start: START_MS, channel: 'dtc', currency: 'EUR', orders: count };
  return [row];
}

function shownOrders(feed: LiveFeed): number[] {
  return [...feed.store.channels.rows.values()].map((row) => row.orders);
}

test('every topic is subscribed to, and attribution only for the shown and the compared model', () => {
  const { websocket } = start();
  websocket.last.events.opened();
  const topics = websocket.last.sent.map((text): unknown => JSON.parse(text)).filter(isJsonObject);
  expect(topics.map((message) => message['topic'])).toEqual([
    'channels',
    'bots',
    'bot_withdrawals',
    'verdicts',
    'attribution',
    'stock',
    'parity',
    'fulfilment',
    'alerts',
    'pipeline',
  ]);
  expect(asked(websocket.last, 'attribution')).toMatchObject([
    { type: 'subscribe', filter: { model: ['linear', 'last'] } },
  ]);
  expect(asked(websocket.last, 'channels')[0]).not.toHaveProperty('resume_from');
});

test('after a loss the page resumes where it stands and goes on', () => {
  const { clock, websocket, feed } = start();
  websocket.last.events.opened();
  const [first] = asked(websocket.last, 'channels');
  say(websocket.last, {
    type: 'snapshot',
    id: first?.['id'],
    topic: 'channels',
    seq: 41,
    rows: orders(1),
  });
  say(websocket.last, {
    type: 'update',
    id: first?.['id'],
    topic: 'channels',
    seq: 42,
    rows: orders(2),
  });
  websocket.last.events.lost(1006);
  clock.advance(1000);
  websocket.last.events.opened();
  const [second] = asked(websocket.last, 'channels');
  expect(second).toMatchObject({ resume_from: 42 });
  expect(shownOrders(feed)).toEqual([2]);
  say(websocket.last, {
    type: 'update',
    id: second?.['id'],
    topic: 'channels',
    seq: 43,
    rows: orders(3),
  });
  expect(shownOrders(feed)).toEqual([3]);
});

test('a merged update may skip numbers, because its rows are whole', () => {
  const { websocket, feed } = start();
  websocket.last.events.opened();
  const [first] = asked(websocket.last, 'channels');
  say(websocket.last, {
    type: 'snapshot',
    id: first?.['id'],
    topic: 'channels',
    seq: 41,
    rows: orders(1),
  });
  say(websocket.last, {
    type: 'update',
    id: first?.['id'],
    topic: 'channels',
    seq: 47,
    rows: orders(8),
  });
  expect(shownOrders(feed)).toEqual([8]);
});

test('another model replaces the subscription, and answers to the old one are left out', () => {
  const { websocket, feed } = start();
  websocket.last.events.opened();
  const [old] = asked(websocket.last, 'attribution');
  feed.selectModel('shapley');
  const [, renewed] = asked(websocket.last, 'attribution');
  expect(websocket.last.sent).toContain(JSON.stringify({ type: 'unsubscribe', id: old?.['id'] }));
  expect(renewed).toMatchObject({ filter: { model: ['shapley', 'last'] } });
  expect(renewed).not.toHaveProperty('resume_from');
  const row = { window_start: START_MS, model: 'linear', channel: 'dtc', currency: 'EUR' };
  say(websocket.last, {
    type: 'snapshot',
    id: old?.['id'],
    topic: 'attribution',
    seq: 5,
    rows: [row],
  });
  expect(feed.store.attribution.rows.size).toBe(0);
});

test('a model that was chosen while disconnected begins with a snapshot', () => {
  const { clock, websocket, feed } = start();
  websocket.last.events.opened();
  const [first] = asked(websocket.last, 'attribution');
  say(websocket.last, {
    type: 'snapshot',
    id: first?.['id'],
    topic: 'attribution',
    seq: 5,
    rows: [],
  });
  websocket.last.events.lost(1006);
  feed.selectModel('first');
  clock.advance(1000);
  websocket.last.events.opened();
  expect(asked(websocket.last, 'attribution')[0]).not.toHaveProperty('resume_from');
  expect(asked(websocket.last, 'attribution')[0]).toMatchObject({
    filter: { model: ['first', 'last'] },
  });
});

test('server-sent events need no subscription and carry the same messages', () => {
  const { clock, websocket, events, feed } = start();
  for (let failure = 0; failure < 3; failure += 1) {
    websocket.last.events.lost(1006);
    if (failure < 2) clock.advance(1000);
  }
  events.last.events.opened();
  say(events.last, {
    type: 'snapshot',
    id: 'channels',
    topic: 'channels',
    seq: 7,
    rows: orders(4),
  });
  expect(events.last.sent).toEqual([]);
  expect(shownOrders(feed)).toEqual([4]);
});

test('what is no message of the protocol changes nothing', () => {
  const { websocket, feed } = start();
  websocket.last.events.opened();
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"type":"new"}',
    '{"type":"update","topic":"channels"}',
  ]) {
    websocket.last.events.received(text);
  }
  expect(feed.store.channels.revision).toBe(0);
});
