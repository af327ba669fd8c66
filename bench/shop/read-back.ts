import { assert } from '../../schemas/errors.ts';
import { isObject } from '../../schemas/events/check-record.ts';
import { type RawEvent, parseEvent } from '../../schemas/events/parse.ts';
import { EVENT_TYPES, type EventType } from '../../schemas/topics.ts';

/** A shop's file, read without any knowledge of how it was made. */
export interface ReadShop {
  /** Every line in the order of arrival, repeats included. */
  readonly lines: readonly { readonly event_id: string; readonly occurred_at: number }[];
  /** The first line of every event id, by type, in the order of arrival. */
  readonly clicks: readonly RawEvent<'click'>[];
  readonly orders: readonly RawEvent<'order'>[];
  readonly inventory: readonly RawEvent<'inventory'>[];
  readonly reference: readonly RawEvent<'reference'>[];
}

/** Any instant: a simulated shop may open in the future. */
const ANY_TIME = { nowMs: Number.POSITIVE_INFINITY, clockSkewMs: 0 };

/**
 * Parses the NDJSON of a shop by the door's own rules, for a recount.
 *
 * @throws {EngineError} ASSERTION_FAILED at the first line that the door would refuse.
 */
export function readBack(text: string): ReadShop {
  assert(text.endsWith('\n'), 'the last line must be complete');
  const lines: ReadShop['lines'][number][] = [];
  const clicks: RawEvent<'click'>[] = [];
  const orders: RawEvent<'order'>[] = [];
  const inventory: RawEvent<'inventory'>[] = [];
  const reference: RawEvent<'reference'>[] = [];
  const seen = new Set<string>();
  const keep = <Event extends ReadShop['lines'][number]>(event: Event, kept: Event[]): void => {
    lines.push(event);
    if (!seen.has(event.event_id)) kept.push(event);
    seen.add(event.event_id);
  };
  for (const line of text.slice(0, -1).split('\n')) {
    const value: unknown = JSON.parse(line);
    assert(isObject(value), 'every line must be an object');
    const { event: name, ...fields } = value;
    const type = EVENT_TYPES.find((known) => known === name);
    assert(type !== undefined, 'every line must name its type');
    switch (type) {
      case 'click':
        keep(parsed(type, fields), clicks);
        break;
      case 'order':
        keep(parsed(type, fields), orders);
        break;
      case 'inventory':
        keep(parsed(type, fields), inventory);
        break;
      case 'reference':
        keep(parsed(type, fields), reference);
        break;
    }
  }
  return { lines, clicks, orders, inventory, reference };
}

function parsed<Type extends EventType>(type: Type, fields: unknown): RawEvent<Type> {
  const result = parseEvent(type, fields, ANY_TIME);
  if (result.kind === 'ok') return result.event;
  assert(false, `${type}: ${result.code} ${result.message}`);
}
