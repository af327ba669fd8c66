import { setTimeout as wait } from 'node:timers/promises';

import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { erase } from '../../schemas/brand.ts';
import type { Row } from '../../schemas/panel.ts';
import type { LiveMessage } from '../doubles/memory-viewer.ts';

const RECONNECT_MS = 100;

/** A page that watches one topic: when its connection ends it goes on at another node, where it was. */
export class LiveViewer {
  /** How often each kind of message came first on a connection. */
  readonly firsts: string[] = [];
  /** Updates whose number was not one higher than the one before on the same connection. */
  gaps = 0;
  readonly #urls: () => readonly string[];
  readonly #key: readonly string[];
  readonly #topic: string;
  #rows = new Map<string, Row>();
  #seq: number | undefined;
  #turn: number;
  #socket: WebSocket | undefined;
  #isClosed = false;

  constructor(options: {
    /** The nodes that run at the moment. */
    readonly urls: () => readonly string[];
    readonly topic: string;
    readonly key: readonly string[];
    /** The node to begin with. */
    readonly first: number;
  }) {
    this.#urls = options.urls;
    this.#topic = options.topic;
    this.#key = options.key;
    this.#turn = options.first;
    onTestFinished(() => this.close());
    void this.#connect();
  }

  /** What the page shows, by key. */
  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const urls = this.#urls();
    const url = urls[this.#turn % urls.length];
    this.#turn += 1;
    if (url === undefined) {
      await wait(RECONNECT_MS);
      return this.#connect();
    }
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/live`, ['weir.v1']);
    this.#socket = socket;
    let isFirst = true;
    socket.on('open', () => {
      const resume = this.#seq === undefined ? {} : { resume_from: this.#seq };
      socket.send(JSON.stringify({ type: 'subscribe', id: 'a', topic: this.#topic, ...resume }));
    });
    socket.on('message', (data: Buffer) => {
      const message = erase<LiveMessage>(JSON.parse(data.toString()));
      if (isFirst) this.firsts.push(message.type);
      this.#take(message, isFirst);
      isFirst = false;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => void wait(RECONNECT_MS).then(() => this.#connect()));
    return undefined;
  }

  #take({ type, seq = 0, rows = [] }: LiveMessage, isFirst: boolean): void {
    if (type === 'snapshot') this.#rows = new Map();
    else if (!isFirst && seq !== (this.#seq ?? 0) + 1) this.gaps += 1;
    this.#seq = seq;
    for (const row of rows)
      this.#rows.set(this.#key.map((name) => String(row[name])).join('|'), row);
  }
}
