import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { isObject } from '../../schemas/events/check-record.ts';
import type { Message } from './message.ts';

/** What is remembered of an alert: which of its transitions need no message any more. */
export interface Handled {
  readonly alertId: string;
  /** Bits of `HANDLED`. */
  readonly bits: number;
}

/** Alerts that are remembered; beyond it the ones that changed longest ago go. */
const ALERTS_MAX = 100_000;

/**
 * Which transitions have been told, and the messages that are still on their way: a file of one JSON
 * line per change, so that a restart tells nothing twice and forgets nothing. It is written anew, without
 * what is settled, whenever it is opened.
 */
export class Journal {
  readonly handled = new Map<string, number>();
  /** Messages that no receiver has taken yet, by target and delivery. */
  readonly waiting = new Map<string, { readonly target: string; readonly message: Message }>();
  /** Whether there was no journal before: what is open already is then no news. */
  readonly isNew: boolean;
  readonly #path: string | undefined;

  /** @param path the file; undefined keeps everything in memory */
  constructor(path: string | undefined) {
    this.#path = path;
    this.isNew = path === undefined || !existsSync(path);
    if (path === undefined) return;
    if (!this.isNew) {
      // The last line may have been cut off by a crash: it is then as if it had not been written.
      for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) this.#take(line);
    }
    const lines = [
      ...[...this.handled].slice(-ALERTS_MAX).map(([alertId, bits]) => ({ alertId, bits })),
      ...this.waiting.values(),
    ];
    writeFileSync(`${path}.new`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    renameSync(`${path}.new`, path);
  }

  /** Remembers transitions as handled and messages as on their way, before any is sent. */
  add(
    handled: readonly Handled[],
    messages: readonly { readonly target: string; readonly message: Message }[],
  ): void {
    for (const { alertId, bits } of handled) {
      this.handled.delete(alertId);
      this.handled.set(alertId, bits);
    }
    for (const entry of messages) this.waiting.set(keyOf(entry), entry);
    this.#write([...handled, ...messages]);
    for (const alertId of this.handled.keys()) {
      if (this.handled.size <= ALERTS_MAX) break;
      this.handled.delete(alertId);
    }
  }

  /** A receiver has taken a message, or never will. */
  settle(target: string, message: Message): void {
    this.waiting.delete(keyOf({ target, message }));
    this.#write([{ target, settled: message.deliveryId }]);
  }

  #write(lines: readonly object[]): void {
    if (this.#path === undefined || lines.length === 0) return;
    appendFileSync(this.#path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  #take(line: string): void {
    const value: unknown = JSON.parse(line);
    if (!isObject(value)) return;
    const { alertId, bits, target, message, settled } = value;
    if (typeof alertId === 'string' && typeof bits === 'number') this.handled.set(alertId, bits);
    if (typeof target !== 'string') return;
    if (typeof settled === 'string') this.waiting.delete(`${target} ${settled}`);
    if (!isObject(message)) return;
    const { deliveryId, body } = message;
    if (typeof deliveryId !== 'string' || typeof body !== 'string') return;
    const entry = { target, message: { deliveryId, body } };
    this.waiting.set(keyOf(entry), entry);
  }
}

function keyOf(entry: { readonly target: string; readonly message: Message }): string {
  return `${entry.target} ${entry.message.deliveryId}`;
}
