import { SECOND_MS } from '../../../../schemas/time.ts';

/** Time and chance, given from outside so that a test decides them. */
export interface Clock {
  /** UTC milliseconds. */
  now(): number;
  /** Runs `action` once after `delayMs`; returns how to cancel it. */
  after(delayMs: number, action: () => void): () => void;
  /** From 0 inclusive to 1 exclusive. */
  random(): number;
}

/** One way to the server. `open` reports through `events`, and never after the link was closed by us. */
export interface Transport {
  readonly name: TransportName;
  open(events: TransportEvents): Link;
}
export type TransportName = 'websocket' | 'events';

export interface TransportEvents {
  opened(): void;
  received(text: string): void;
  /** Never opened, or was lost. `closeCode` is the WebSocket's, when there is one. */
  lost(closeCode: number | undefined): void;
}

export interface Link {
  /** Does nothing on a transport that only listens. */
  send(text: string): void;
  close(): void;
}

export type ConnectionStatus =
  /** The first attempt. */
  | { readonly kind: 'connecting'; readonly since: number }
  | { readonly kind: 'open'; readonly transport: TransportName; readonly since: number }
  /** Lost at `lostAt`; an attempt is under way when `retryAt` is undefined. */
  | {
      readonly kind: 'lost';
      readonly lostAt: number;
      readonly retryAt: number | undefined;
      readonly closeCode: number | undefined;
    };

/** First wait after a loss; doubles with each failure. */
export const RETRY_MS_MIN = 500;
/** Longest wait: a server that restarts is found again within a quarter of a minute. */
export const RETRY_MS_MAX = 15 * SECOND_MS;
/** WebSocket failures in a row before server-sent events are tried beside it. */
export const WEBSOCKET_FAILURES_MAX = 3;
/** An attempt that has not opened by then has failed: some proxies keep an upgrade hanging. */
export const OPEN_TIMEOUT_MS = 5 * SECOND_MS;
/** A ping after this much silence shows a dead line that the browser takes for open. */
export const PING_AFTER_MS = 5 * SECOND_MS;
/** Silence after which the line is given up: three pings unanswered. */
export const SILENCE_MS_MAX = 15 * SECOND_MS;

/**
 * Keeps one link to the server open: WebSocket first, server-sent events when that fails three
 * times in a row, exponential waits with jitter in between, so that a thousand pages do not return
 * in the same instant.
 */
export class LiveConnection {
  readonly #clock: Clock;
  readonly #websocket: Transport;
  readonly #events: Transport;
  readonly #listener: ConnectionListener;
  #status: ConnectionStatus;
  #link: Link | undefined;
  #cancelTimer: (() => void) | undefined;
  #failureCount = 0;
  #websocketFailureCount = 0;
  #heardAt = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly websocket: Transport;
    readonly events: Transport;
    readonly listener: ConnectionListener;
  }) {
    this.#clock = options.clock;
    this.#websocket = options.websocket;
    this.#events = options.events;
    this.#listener = options.listener;
    this.#status = { kind: 'connecting', since: this.#clock.now() };
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  start(): void {
    this.#attempt(this.#websocket);
  }

  /** Ends the wait and tries at once; the counts of failures stay. */
  retryNow(): void {
    if (this.#status.kind !== 'lost' || this.#status.retryAt === undefined) return;
    this.#retry();
  }

  send(text: string): void {
    this.#link?.send(text);
  }

  stop(): void {
    this.#drop();
  }

  #attempt(transport: Transport): void {
    this.#drop();
    // Events of a link that was replaced must not reach the state of the next one.
    let isCurrent = true;
    const link = transport.open({
      opened: () => {
        if (!isCurrent) return;
        this.#opened(transport.name);
      },
      received: (text) => {
        if (!isCurrent) return;
        this.#heard(transport);
        this.#listener.received(text);
      },
      lost: (closeCode) => {
        if (!isCurrent) return;
        isCurrent = false;
        this.#lost(transport, closeCode);
      },
    });
    this.#link = {
      send: (text) => link.send(text),
      close: () => {
        isCurrent = false;
        link.close();
      },
    };
    this.#setTimer(OPEN_TIMEOUT_MS, () => this.#lost(transport, undefined));
  }

  #opened(transport: TransportName): void {
    this.#heardAt = this.#clock.now();
    this.#setStatus({ kind: 'open', transport, since: this.#heardAt });
    this.#watchSilence();
    this.#listener.opened(transport);
  }

  /** Only a message proves that the way works: some proxies accept an upgrade and pass nothing. */
  #heard(transport: Transport): void {
    this.#heardAt = this.#clock.now();
    this.#failureCount = 0;
    if (transport.name === 'websocket') this.#websocketFailureCount = 0;
  }

  #watchSilence(): void {
    this.#setTimer(PING_AFTER_MS, () => {
      const silentMs = this.#clock.now() - this.#heardAt;
      const status = this.#status;
      // Server-sent events cannot be asked to answer, so their silence proves nothing.
      if (status.kind === 'open' && status.transport === 'websocket') {
        if (silentMs >= SILENCE_MS_MAX) {
          this.#lost(this.#websocket, undefined);
          return;
        }
        if (silentMs >= PING_AFTER_MS) this.#listener.silent();
      }
      this.#watchSilence();
    });
  }

  #lost(transport: Transport, closeCode: number | undefined): void {
    this.#drop();
    if (transport.name === 'websocket') {
      this.#websocketFailureCount += 1;
      if (this.#websocketFailureCount >= WEBSOCKET_FAILURES_MAX) {
        this.#attempt(this.#events);
        return;
      }
    }
    const now = this.#clock.now();
    const lostAt = this.#status.kind === 'lost' ? this.#status.lostAt : now;
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#failureCount, 10));
    this.#failureCount += 1;
    const retryAt = now + Math.round(waitMs * (0.5 + this.#clock.random() / 2));
    this.#setTimer(retryAt - now, () => this.#retry());
    this.#setStatus({ kind: 'lost', lostAt, retryAt, closeCode });
  }

  #retry(): void {
    const status = this.#status;
    if (status.kind === 'lost') this.#setStatus({ ...status, retryAt: undefined });
    this.#attempt(this.#websocket);
  }

  #setStatus(status: ConnectionStatus): void {
    this.#status = status;
    this.#listener.changed();
  }

  #setTimer(delayMs: number, action: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(delayMs, action);
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#link?.close();
    this.#link = undefined;
  }
}

/** Whom the connection tells; all calls are synchronous. */
export interface ConnectionListener {
  /** A link is open: say what to receive. */
  opened(transport: TransportName): void;
  received(text: string): void;
  /** Nothing was heard for `PING_AFTER_MS`: make the server answer. */
  silent(): void;
  changed(): void;
}
