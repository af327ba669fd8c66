import { Deduplicator } from '../engine/operator/deduplicate.ts';

/**
 * The newest event ids that came through the door, by fingerprint: 500,000 of them as text would cost
 * more time in garbage collection than the whole check.
 */
export class RecentIds {
  readonly #ids: Deduplicator;

  constructor(idsMax: number) {
    this.#ids = new Deduplicator({ idsMax, keepsAdded: false });
  }

  has(eventId: string): boolean {
    return this.#ids.has(eventId);
  }

  add(eventId: string): void {
    this.#ids.see(eventId, 0);
  }
}
