import type { Clock, Transport } from './connection.ts';
import { PAGE_TOPICS } from './messages.ts';

const SUBPROTOCOL = 'weir.v1';

/** The browser's own clock, timers and chance. */
export const browserClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, action) => {
    const timer = window.setTimeout(action, delayMs);
    return () => window.clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** `/v1/live` of the server that the page came from. */
export function createWebSocketTransport(location: Location): Transport {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    name: 'websocket',
    open: (events) => {
      const socket = new WebSocket(`${scheme}//${location.host}/v1/live`, SUBPROTOCOL);
      socket.addEventListener('open', () => events.opened());
      socket.addEventListener('message', (message: MessageEvent<unknown>) => {
        if (typeof message.data === 'string') events.received(message.data);
      });
      // An error is always followed by a close, which carries the code.
      socket.addEventListener('close', (close) => events.lost(close.code));
      return {
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        close: () => socket.close(),
      };
    },
  };
}

/** The same messages as server-sent events, for networks that let no WebSocket through. */
export function createEventsTransport(): Transport {
  return {
    name: 'events',
    open: (events) => {
      const topics = PAGE_TOPICS.map((topic) => `topic=${topic}`).join('&');
      const source = new EventSource(`/v1/live/events?${topics}`);
      source.addEventListener('open', () => events.opened());
      source.addEventListener('message', (message: MessageEvent<unknown>) => {
        if (typeof message.data === 'string') events.received(message.data);
      });
      source.addEventListener('error', () => {
        // Our own retry tries the WebSocket again too; the browser's would stay with events.
        source.close();
        events.lost(undefined);
      });
      return { send: () => {}, close: () => source.close() };
    },
  };
}
