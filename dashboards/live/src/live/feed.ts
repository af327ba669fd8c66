import type { Clock, ConnectionStatus, Transport, TransportName } from './connection.ts';
import { LiveConnection } from './connection.ts';
import {
  PAGE_TOPICS,
  PING_MESSAGE,
  type PageTopic,
  parseMessage,
  subscribeMessage,
  unsubscribeMessage,
} from './messages.ts';
import { LiveStore } from './store.ts';

/** What a model is compared with: the one that most tools report. */
export const COMPARED_MODEL = 'last';

/** Model shown first: it needs no explanation and spreads credit over the whole path. */
export const FIRST_MODEL = 'linear';

/**
 * The page's side of the live protocol: subscribes to every topic, resumes after a loss where the
 * store stands. The server answers with all that changed since, merged, or with a snapshot.
 */
export class LiveFeed {
  readonly store = new LiveStore();
  readonly #clock: Clock;
  readonly #connection: LiveConnection;
  readonly #changed: () => void;
  /** The subscription of each topic that counts; answers to older ones are left out. */
  readonly #idOf = new Map<PageTopic, string>();
  #subscriptionCount = 0;
  #model = FIRST_MODEL;

  constructor(options: {
    readonly clock: Clock;
    readonly websocket: Transport;
    readonly events: Transport;
    /** Called after anything that the page shows may have changed. */
    readonly changed: () => void;
  }) {
    this.#clock = options.clock;
    this.#changed = options.changed;
    this.#connection = new LiveConnection({
      clock: options.clock,
      websocket: options.websocket,
      events: options.events,
      listener: {
        opened: (transport) => this.#opened(transport),
        received: (text) => this.#received(text),
        silent: () => this.#connection.send(PING_MESSAGE),
        changed: () => this.#changed(),
      },
    });
  }

  get status(): ConnectionStatus {
    return this.#connection.status;
  }

  get model(): string {
    return this.#model;
  }

  start(): void {
    this.#connection.start();
  }

  stop(): void {
    this.#connection.stop();
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  /** Shows another attribution model: only this one and the compared one are sent. */
  selectModel(model: string): void {
    if (model === this.#model) return;
    this.#model = model;
    // Also while disconnected: a resumed subscription would lack the new model's older rows.
    this.store.forgetPosition('attribution');
    if (this.#isSubscribing()) this.#resubscribe('attribution');
    this.#changed();
  }

  #opened(transport: TransportName): void {
    this.store.freshness.connected(this.#clock.now());
    this.#idOf.clear();
    if (transport === 'events') return;
    for (const topic of PAGE_TOPICS) this.#subscribe(topic, this.store.seqOf(topic));
  }

  #received(text: string): void {
    const message = parseMessage(text);
    if (message === undefined) return;
    if (message.kind === 'snapshot' || message.kind === 'update') {
      const { topic, id } = message;
      if (this.#isSubscribing() && id !== this.#idOf.get(topic)) return;
    }
    this.store.apply(message, this.#clock.now());
    this.#changed();
  }

  /** Server-sent events carry all topics without being asked. */
  #isSubscribing(): boolean {
    const { status } = this.#connection;
    return status.kind === 'open' && status.transport === 'websocket';
  }

  #subscribe(topic: PageTopic, resumeFrom: number | undefined): void {
    this.#subscriptionCount += 1;
    const id = `${topic}-${this.#subscriptionCount}`;
    this.#idOf.set(topic, id);
    const filter: Record<string, readonly string[]> = {};
    if (topic === 'attribution') filter['model'] = [...new Set([this.#model, COMPARED_MODEL])];
    this.#connection.send(subscribeMessage({ id, topic, filter, resumeFrom }));
  }

  #resubscribe(topic: PageTopic): void {
    const id = this.#idOf.get(topic);
    if (id !== undefined) this.#connection.send(unsubscribeMessage(id));
    this.store.forgetPosition(topic);
    this.#subscribe(topic, undefined);
  }
}
