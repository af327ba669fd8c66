import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import { SECOND_MS } from '../schemas/time.ts';
import type { LiveCounter } from './live/hub.ts';

/** Bounds of the delay of updates, seconds; 0.12 is the objective of 95 % of them. */
const DELAY_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.12, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** The metrics of the api itself; `docs/metrics.md` describes each. Labels come from closed lists. */
export class ApiMetrics implements LiveCounter {
  readonly #registry = new Registry();
  readonly #responses = new Counter({
    name: 'api_responses_total',
    help: 'HTTP answers by class of status',
    labelNames: ['result'],
    registers: [this.#registry],
  });
  readonly #delay = new Histogram({
    name: 'api_live_delay_seconds',
    help: 'From the log taking the newest event of an update to its being sent',
    buckets: DELAY_BUCKETS,
    registers: [this.#registry],
  });
  readonly #connections = new Gauge({
    name: 'api_live_connections',
    help: 'WebSockets and event streams that are open',
    registers: [this.#registry],
  });
  readonly #sent = new Counter({
    name: 'api_live_messages_sent_total',
    help: 'Live messages written to connections',
    registers: [this.#registry],
  });
  readonly #merged = new Counter({
    name: 'api_live_updates_merged_total',
    help: 'Updates that were merged because a connection did not keep up',
    registers: [this.#registry],
  });
  readonly #closedTooSlow = new Counter({
    name: 'api_live_slow_closes_total',
    help: 'Connections closed because they stayed behind',
    registers: [this.#registry],
  });

  response(status: number): void {
    this.#responses.inc({ result: `${Math.floor(status / 100)}xx` });
  }

  connections(change: 1 | -1): void {
    this.#connections.inc(change);
  }

  sent(messages: number): void {
    this.#sent.inc(messages);
  }

  merged(): void {
    this.#merged.inc();
  }

  closedTooSlow(): void {
    this.#closedTooSlow.inc();
  }

  delayed(durationMs: number): void {
    this.#delay.observe(durationMs / SECOND_MS);
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}
