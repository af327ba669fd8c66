import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { WebSocket, WebSocketServer } from 'ws';

import { SECOND_MS } from '../../schemas/time.ts';
import { type Access, accessRefusal } from '../access.ts';
import type { Clock } from '../clock.ts';
import type { Guard } from '../guard/guard.ts';
import type { Logger } from '../logger.ts';
import { problemDocument } from '../problem.ts';
import { requestIdOf } from '../request-id.ts';
import type { LiveHub } from './hub.ts';
import { PONG_MESSAGE, SUBPROTOCOL, errorMessage, parseClientMessage } from './messages.ts';
import { CLOSE_KEY_ENDED, CLOSE_POLICY, type Viewer } from './viewer.ts';
import { WEBSOCKET_ENCODING } from './websocket-frame.ts';

export const LIVE_PATH = '/v1/live';

/** A subscribe message with a full filter stays below; what is larger closes the connection with 1009. */
const CLIENT_MESSAGE_BYTES_MAX = 64 * 1_024;

/** Half of the 60 s after which common proxies cut a silent connection. */
const PING_INTERVAL_MS = 30 * SECOND_MS;

/** A page sends a handful at start; above this rate someone asks for snapshots in a loop. */
const MESSAGES_PER_WINDOW_MAX = 200;
const MESSAGE_WINDOW_MS = 10 * SECOND_MS;

/** Close code of RFC 6455 for a message of the wrong type: Weir speaks text only. */
const CLOSE_UNSUPPORTED_DATA = 1003;

interface Client {
  readonly socket: WebSocket;
  readonly viewer: Viewer;
  isAlive: boolean;
  messagesInWindow: number;
}

/**
 * Serves the live updates over WebSocket on the upgrade requests of `server`.
 *
 * @returns how to end it; connections end through the hub
 */
export function serveSockets(options: {
  readonly server: Server;
  readonly hub: LiveHub;
  readonly clock: Clock;
  readonly access: Access;
  /** Who is let in; undefined for everybody. */
  readonly guard: Guard | undefined;
  readonly logger: Logger;
}): () => void {
  const { server, hub, clock, access, guard, logger } = options;
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: CLIENT_MESSAGE_BYTES_MAX,
    // Halves the number of messages a second; a frame could not be shared between connections either.
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  const clients = new Set<Client>();

  const accept = (request: IncomingMessage, socket: WebSocket, stream: Duplex): void => {
    const client: Client = {
      socket,
      viewer: socketViewer(socket, stream),
      isAlive: true,
      messagesInWindow: 0,
    };
    if (!hub.join(client.viewer)) {
      socket.close(1013, 'As many viewers are connected as the configuration allows');
      return;
    }
    clients.add(client);
    const unfollow = guard?.follow(request.headers, () => {
      socket.close(CLOSE_KEY_ENDED, 'The API key has ended');
    });
    const forget = (): void => {
      clients.delete(client);
      unfollow?.();
    };
    listen(client, { hub, stream, forget });
  };
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const refusal = upgradeRefusal(request, access) ?? keyRefusal(request, guard);
    if (refusal !== undefined) {
      refuseUpgrade(request, stream, refusal);
      return;
    }
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      accept(request, socket, stream);
    });
  };
  server.on('upgrade', onUpgrade);
  webSockets.on('wsClientError', (error) => {
    logger.debug({ code: error.name }, 'Refused a WebSocket handshake');
  });

  const stopPings = clock.every(PING_INTERVAL_MS, () => endSilent(clients));
  const stopWindows = clock.every(MESSAGE_WINDOW_MS, () => {
    for (const client of clients) client.messagesInWindow = 0;
  });

  return () => {
    stopPings();
    stopWindows();
    server.off('upgrade', onUpgrade);
  };
}

/** Ends the connections that did not answer the last ping, and pings the others. */
function endSilent(clients: Iterable<Client>): void {
  for (const client of clients) {
    if (!client.isAlive) {
      client.socket.terminate();
      continue;
    }
    client.isAlive = false;
    client.socket.ping();
  }
}

function listen(
  client: Client,
  options: { readonly hub: LiveHub; readonly stream: Duplex; readonly forget: () => void },
): void {
  const { socket, viewer } = client;
  const { hub, stream, forget } = options;
  stream.on('drain', () => {
    hub.drained(viewer);
  });
  socket.on('pong', () => {
    client.isAlive = true;
  });
  socket.on('error', () => {
    // `ws` closes the connection with the code that fits; the close event follows.
  });
  socket.on('close', () => {
    forget();
    hub.leave(viewer);
  });
  socket.on('message', (data, isBinary) => {
    client.isAlive = true;
    client.messagesInWindow += 1;
    if (client.messagesInWindow > MESSAGES_PER_WINDOW_MAX) {
      socket.close(CLOSE_POLICY, 'Too many messages');
      return;
    }
    if (isBinary || !Buffer.isBuffer(data)) {
      socket.close(CLOSE_UNSUPPORTED_DATA, 'Expected text messages');
      return;
    }
    answer(hub, viewer, data.toString('utf8'));
  });
}

function answer(hub: LiveHub, viewer: Viewer, text: string): void {
  const message = parseClientMessage(text);
  switch (message.kind) {
    case 'ping':
      viewer.write(WEBSOCKET_ENCODING.encode(PONG_MESSAGE, undefined));
      return;
    case 'refused':
      writeError(viewer, message.error);
      return;
    case 'subscribe': {
      const error = hub.subscribe(viewer, message);
      if (error !== undefined) writeError(viewer, error);
      return;
    }
    case 'unsubscribe': {
      const error = hub.unsubscribe(viewer, message.id);
      if (error !== undefined) writeError(viewer, error);
      return;
    }
  }
}

function writeError(viewer: Viewer, error: Parameters<typeof errorMessage>[0]): void {
  viewer.write(WEBSOCKET_ENCODING.encode(errorMessage(error), undefined));
}

/** Frames go to the stream beneath: `ws` writes its own control frames whole, so they never mix. */
function socketViewer(socket: WebSocket, stream: Duplex): Viewer {
  return {
    encoding: WEBSOCKET_ENCODING,
    write(frame) {
      if (socket.readyState === WebSocket.OPEN) stream.write(frame);
    },
    bufferedBytes: () => stream.writableLength,
    close(code, reason) {
      socket.close(code, reason);
    },
  };
}

interface UpgradeRefusal {
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: Parameters<typeof problemDocument>[0]['code'];
  readonly detail: string;
}

function upgradeRefusal(request: IncomingMessage, access: Access): UpgradeRefusal | undefined {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== LIVE_PATH) {
    return { status: 404, code: 'NOT_FOUND', detail: `WebSockets connect to ${LIVE_PATH}` };
  }
  const refused = accessRefusal(access, {
    host: request.headers.host,
    origin: request.headers.origin,
  });
  if (refused !== undefined) return refused;
  const offered = request.headers['sec-websocket-protocol'];
  if (offered !== undefined && !offered.split(',').some((name) => name.trim() === SUBPROTOCOL)) {
    return {
      status: 400,
      code: 'SUBPROTOCOL_UNKNOWN',
      detail: `Expected the subprotocol ${SUBPROTOCOL}, or none`,
    };
  }
  return undefined;
}

function keyRefusal(
  { headers, socket }: IncomingMessage,
  guard: Guard | undefined,
): UpgradeRefusal | undefined {
  return guard?.refusal({ headers, address: socket.remoteAddress ?? '', permission: 'read' });
}

function refuseUpgrade(request: IncomingMessage, stream: Duplex, refusal: UpgradeRefusal): void {
  const requestId = requestIdOf(request.headers['x-request-id']);
  const body = JSON.stringify(
    problemDocument({ code: refusal.code, detail: refusal.detail, instance: LIVE_PATH }),
  );
  stream.on('error', () => {
    // The client went away before it read the refusal; there is no one left to tell.
  });
  const headers = Object.entries(refusal.headers ?? {}).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  stream.end(
    `HTTP/1.1 ${refusal.status} Refused\r\nconnection: close\r\n${headers.join('')}` +
      `content-type: application/problem+json\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
