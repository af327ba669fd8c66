import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Deduplicator, type Seen } from './deduplicate.ts';

/** The same in a few lines: a map from id to body, in order of arrival, of which the oldest goes. */
class Model {
  readonly #bodies = new Map<string, number>();
  readonly #idsMax: number;

  constructor(idsMax: number) {
    this.#idsMax = idsMax;
  }

  get count(): number {
    return this.#bodies.size;
  }

  see(id: string, body: number): Seen {
    const known = this.#bodies.get(id);
    if (known !== undefined) return known === body ? 'duplicate' : 'conflict';
    const [oldest] = this.#bodies.keys();
    if (this.#bodies.size === this.#idsMax && oldest !== undefined) this.#bodies.delete(oldest);
    this.#bodies.set(id, body);
    return 'new';
  }
}

const EVENTS = fc.array(fc.record({ id: fc.nat(60), body: fc.nat(1) }), { maxLength: 400 });

test('a full memory of ids forgets the oldest, and only those', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), EVENTS, (idsMax, events) => {
      const deduplicator = new Deduplicator({ idsMax });
      const model = new Model(idsMax);
      for (const { id, body } of events) {
        expect(deduplicator.see(`event-${id}`, body)).toBe(model.see(`event-${id}`, body));
        expect(deduplicator.count).toBe(model.count);
      }
    }),
  );
});

test('what was added in any portions and restored is what was remembered', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(EVENTS, { maxLength: 5 }),
      EVENTS,
      (idsMax, portions, after) => {
        const before = new Deduplicator({ idsMax });
        const restored = new Deduplicator({ idsMax });
        for (const events of portions) {
          for (const { id, body } of events) before.see(`event-${id}`, body);
          restored.restore(before.takeAdded());
        }
        for (const { id, body } of after) {
          expect(restored.see(`event-${id}`, body)).toBe(before.see(`event-${id}`, body));
        }
      },
    ),
  );
});

test('the memory grows to its limit and stays there', () => {
  const deduplicator = new Deduplicator({ idsMax: 10_000 });
  const seen = { new: 0, duplicate: 0, conflict: 0 };
  for (let index = 0; index < 50_000; index += 1)
    seen[deduplicator.see(`event-${index}`, index)] += 1;
  expect(seen).toEqual({ new: 50_000, duplicate: 0, conflict: 0 });
  expect(deduplicator.count).toBe(10_000);
  for (let index = 40_000; index < 50_000; index += 1)
    seen[deduplicator.see(`event-${index}`, index)] += 1;
  expect(seen).toEqual({ new: 50_000, duplicate: 10_000, conflict: 0 });
});
