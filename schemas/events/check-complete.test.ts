import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  buildClick,
  buildInventory,
  buildOrder,
  buildReference,
} from '../../test/laws/event-builders.ts';
import type { EventType } from '../topics.ts';
import { LIST_LENGTH_MAX } from './check-record.ts';
import { checkEvent, parseEvent } from './parse.ts';

const TIME = { nowMs: Infinity, clockSkewMs: 0 };
const LINE = { ...buildOrder().lines[0] };
const EVENTS: Readonly<Record<EventType, object>> = {
  click: complete('click', buildClick({ consent: { analytics: true, marketing: false } })),
  order: complete('order', { ...buildOrder(), lines: [LINE, { ...LINE, line_id: 'other' }] }),
  inventory: complete('inventory', buildInventory()),
  reference: complete(
    'reference',
    buildReference({ channel: 'dtc', amount_minor: 1, currency: 'EUR', from: 1, to: 2 }),
  ),
};

/** With every field of the schema, in its order. */
function complete(type: EventType, event: object): object {
  const result = parseEvent(type, event, TIME);
  if (result.kind === 'rejected') throw new Error(result.message);
  return result.event;
}

const anyText = fc.oneof(
  fc.string(),
  fc.constantFrom('', '  ', 'a\0b', '\ud800', 'EUR', 'XXQ', 'x'.repeat(300), 'x'.repeat(9_000)),
);
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -1, 2 ** 52, 1e9 + 1, 1e14),
);

/** What Avro could hold in the place of a value. */
function alike(name: string, value: unknown): fc.Arbitrary<unknown> {
  if (value === null && name === 'consent') return fc.constant(null);
  if (Array.isArray(value)) {
    const [first = {}]: readonly object[] = value;
    const many = fc.constant(Array.from({ length: LIST_LENGTH_MAX + 1 }, () => first));
    return fc.oneof(fc.array(changed(first), { maxLength: 3 }), many);
  }
  if (typeof value === 'object' && value !== null) return changed(value);
  if (typeof value === 'string') return anyText;
  if (typeof value === 'number') return anyNumber;
  return typeof value === 'boolean' ? fc.boolean() : fc.oneof(anyText, anyNumber, fc.boolean());
}

/** A copy of a record with some values changed, its fields in their order. */
function changed(record: object): fc.Arbitrary<object> {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(record);
  return fc
    .tuple(
      ...entries.map(([name, value]) =>
        fc.oneof(
          { weight: 12, arbitrary: fc.constant([name, value] as const) },
          { weight: 1, arbitrary: alike(name, value).map((other) => [name, other] as const) },
        ),
      ),
    )
    .map((fields) => Object.fromEntries(fields));
}

test.each(['click', 'order', 'inventory', 'reference'] as const)(
  'a complete %s is taken or refused as it would be field by field, for the same reason',
  (type) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(changed(EVENTS[type]), (event) => {
        const expected = parseEvent(type, structuredClone(event), TIME);
        expect(checkEvent(type, event, TIME)).toEqual(expected);
        seen.add(expected.kind === 'ok' ? 'ok' : expected.code);
      }),
      { numRuns: 1_500, seed: 4 },
    );
    // Not all of it may be refused, or all for one reason.
    expect(seen.size).toBeGreaterThan(4);
    expect(seen).toContain('ok');
  },
);
