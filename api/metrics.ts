import { Counter, Gauge, Registry } from 'prom-client';

import type { LiveCounter } from './live/hub.ts';

/** The metrics of the api itself; `docs/metrics.md` describes each. Labels come from closed lists. */
export class ApiMetrics implements LiveCounter {
  readonly #registry = new Registry();
  readonly #responses = new Counter({
    name: 'api_responses_total',
    help: 'HTTP answers by class of status',
    labelNames: ['result'],
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

  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}
