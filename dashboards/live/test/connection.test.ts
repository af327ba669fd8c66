import { expect, test } from 'vitest';

import {
  LiveConnection,
  OPEN_TIMEOUT_MS,
  RETRY_MS_MAX,
  SILENCE_MS_MAX,
} from '../src/live/connection.ts';
import { ScriptedTransport } from './scripted-transport.ts';
import { VirtualClock } from './virtual-clock.ts';

const START_MS = Date.UTC(2026, 10, 21, 20, 45);

function start() {
  const clock = new VirtualClock(START_MS);
  const websocket = new ScriptedTransport('websocket');
  const events = new ScriptedTransport('events');
  const opened: string[] = [];
  const received: string[] = [];
  const connection = new LiveConnection({
    clock,
    websocket,
    events,
    listener: {
      opened: (transport) => opened.push(transport),
      received: (text) => received.push(text),
      silent: () => connection.send('ping'),
      changed: () => {},
    },
  });
  connection.start();
  /** Lets the wait pass, exactly. */
  const retry = () => {
    const { status } = connection;
    if (status.kind !== 'lost' || status.retryAt === undefined) throw new Error('Expected a wait');
    const waitMs = status.retryAt - clock.now();
    clock.advance(waitMs);
    return waitMs;
  };
  return { clock, websocket, events, opened, received, connection, retry };
}

test('an open link is reported with its transport, and messages pass through', () => {
  const { websocket, opened, received, connection } = start();
  websocket.last.events.opened();
  websocket.last.events.received('hello');
  expect(opened).toEqual(['websocket']);
  expect(received).toEqual(['hello']);
  expect(connection.status).toEqual({ kind: 'open', transport: 'websocket', since: START_MS });
});

test('waits double from a quarter of a second to half of the longest, when chance gives the least', () => {
  const { websocket, events, retry } = start();
  const waitsMs: number[] = [];
  for (let loss = 0; loss < 8; loss += 1) {
    websocket.last.events.lost(1006);
    // From the third failure on, server-sent events are tried in the same attempt and fail too.
    if (loss >= 2) events.last.events.lost(undefined);
    waitsMs.push(retry());
  }
  expect(waitsMs).toEqual([250, 500, 1000, 2000, 4000, 7500, 7500, 7500]);
  expect(Math.max(...waitsMs)).toBe(RETRY_MS_MAX / 2);
});

test('a disconnection keeps the instant of the first loss through all failed tries', () => {
  const { clock, websocket, connection } = start();
  websocket.last.events.opened();
  clock.advance(1000);
  websocket.last.events.lost(1006);
  const lostAt = START_MS + 1000;
  expect(connection.status).toMatchObject({ kind: 'lost', lostAt, closeCode: 1006 });
  clock.advance(250);
  expect(connection.status).toMatchObject({ kind: 'lost', lostAt, retryAt: undefined });
  websocket.last.events.lost(1006);
  expect(connection.status).toMatchObject({ kind: 'lost', lostAt });
});

test('after three WebSocket failures in a row the page listens to server-sent events', () => {
  const { websocket, events, opened, connection, retry } = start();
  for (let failure = 0; failure < 2; failure += 1) {
    websocket.last.events.lost(1006);
    retry();
  }
  expect(events.attempts).toHaveLength(0);
  websocket.last.events.lost(1006);
  events.last.events.opened();
  expect(opened).toEqual(['events']);
  expect(connection.status).toMatchObject({ kind: 'open', transport: 'events' });
});

test('a lost event stream tries the WebSocket first again', () => {
  const { websocket, events, retry } = start();
  for (let failure = 0; failure < 3; failure += 1) {
    websocket.last.events.lost(1006);
    if (failure < 2) retry();
  }
  events.last.events.opened();
  events.last.events.received('snapshot');
  events.last.events.lost(undefined);
  const before = websocket.attempts.length;
  retry();
  expect(websocket.attempts.length).toBe(before + 1);
});

test('a link that opens and says nothing counts as a failure, so it cannot hide a blocked WebSocket', () => {
  const { websocket, events, retry } = start();
  for (let failure = 0; failure < 3; failure += 1) {
    websocket.last.events.opened();
    websocket.last.events.lost(1006);
    if (failure < 2) retry();
  }
  expect(events.attempts).toHaveLength(1);
});

test('an attempt that does not open in time is closed and counted as failed', () => {
  const { clock, websocket, connection } = start();
  clock.advance(OPEN_TIMEOUT_MS);
  expect(websocket.attempts[0]?.isClosed).toBe(true);
  expect(connection.status.kind).toBe('lost');
});

test('silence is answered by pings, and a line that does not answer them is given up', () => {
  const { clock, websocket, connection } = start();
  websocket.last.events.opened();
  clock.advance(SILENCE_MS_MAX - 1);
  expect(websocket.last.sent).toEqual(['ping', 'ping']);
  expect(connection.status.kind).toBe('open');
  clock.advance(1);
  expect(connection.status).toMatchObject({ kind: 'lost', lostAt: START_MS + SILENCE_MS_MAX });
});

test('an answered ping keeps the line', () => {
  const { clock, websocket, connection } = start();
  websocket.last.events.opened();
  for (let answer = 0; answer < 10; answer += 1) {
    clock.advance(6_000);
    websocket.last.events.received('{"type":"pong"}');
  }
  expect(connection.status).toMatchObject({ kind: 'open', since: START_MS });
});

test('a link that was replaced cannot disturb the one after it', () => {
  const { clock, websocket, received, connection, retry } = start();
  clock.advance(OPEN_TIMEOUT_MS);
  retry();
  const [first] = websocket.attempts;
  websocket.last.events.opened();
  first?.events.opened();
  first?.events.received('from the past');
  first?.events.lost(1006);
  expect(received).toEqual([]);
  expect(connection.status.kind).toBe('open');
});

test('a person may end the wait', () => {
  const { websocket, connection } = start();
  websocket.last.events.lost(1006);
  expect(websocket.attempts).toHaveLength(1);
  connection.retryNow();
  expect(websocket.attempts).toHaveLength(2);
  connection.retryNow();
  expect(websocket.attempts).toHaveLength(2);
});
