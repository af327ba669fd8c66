import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../../schemas/time.ts';

/** A batch is due this often; what its first event waits for the last is below a millisecond. */
const BATCH_MS = 20;
/** Enough that the door's fsync does not limit the rate; beyond it the sender falls behind and says so. */
const IN_FLIGHT_MAX = 8;
const VISITORS = 20_000;
const CHANNELS = ['amazon', 'google', 'meta', 'email', 'direct', 'tiktok'] as const;
const ACCEPTED = 202;
const REFUSED = 429;
const RETRY_MS = 100;

/** Sends events at a fixed rate as NDJSON; they happen when they are written into a batch. */
export class Sender {
  readonly #url: URL;
  readonly #batchEvents: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX });
  readonly #inFlight = new Set<Promise<void>>();
  #events = 0;

  constructor(url: string, eventsPerSecond: number) {
    this.#url = new URL('/v1/events/click', url);
    this.#batchEvents = (eventsPerSecond * BATCH_MS) / SECOND_MS;
  }

  /** Events that were sent so far. */
  get events(): number {
    return this.#events;
  }

  /** Sends for this long; resolves when the server has acknowledged everything. */
  async run(durationMs: number): Promise<void> {
    const startedAtMs = performance.now();
    for (let dueMs = 0; dueMs < durationMs; dueMs += BATCH_MS) {
      const waitMs = startedAtMs + dueMs - performance.now();
      if (waitMs > 0) await wait(waitMs);
      while (this.#inFlight.size >= IN_FLIGHT_MAX) await Promise.race(this.#inFlight);
      const sent = this.#send(this.#batch()).finally(() => this.#inFlight.delete(sent));
      this.#inFlight.add(sent);
    }
    await Promise.all(this.#inFlight);
  }

  close(): void {
    this.#agent.destroy();
  }

  #batch(): string {
    let body = '';
    for (let count = 0; count < this.#batchEvents; count += 1) {
      const index = this.#events;
      this.#events += 1;
      const visitor = (index * 7_919) % VISITORS;
      body +=
        `{"event_id":"e-${index}","occurred_at":${Date.now()},"source":"bench",` +
        `"visitor_id":"visitor-${visitor}","session_id":"session-${visitor}","kind":"click",` +
        `"channel":"${CHANNELS[index % CHANNELS.length]}","campaign":"campaign-${visitor % 40}",` +
        '"url":"https://shop.example/","ip":"192.0.2.1","user_agent":"Mozilla/5.0"}\n';
    }
    return body;
  }

  async #send(body: string): Promise<void> {
    for (;;) {
      const status = await this.#post(body);
      if (status === ACCEPTED) return;
      if (status !== REFUSED) throw new Error(`Expected the events to be taken, got ${status}`);
      await wait(RETRY_MS);
    }
  }

  #post(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/x-ndjson',
        'content-length': String(Buffer.byteLength(body)),
      };
      const sent = request(this.#url, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
