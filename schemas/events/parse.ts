import { erase } from '../brand.ts';
import type { VisitorToken } from '../ids.ts';
import { EVENT_TIME_MS_MIN } from '../time.ts';
import { type EventOfTopic, type EventType, TOPIC_OF_EVENT, type Topic } from '../topics.ts';
import { AVRO_SCHEMAS } from './avro-schemas.ts';
import { checkComplete } from './check-complete.ts';
import { type CheckedRecord, checkRecord, isObject, isRejection } from './check-record.ts';
import type { Inventory, InventoryKind } from './inventory.ts';
import type { Order } from './order.ts';
import { type RecordCheck, compileRecord } from './record-check.ts';
import type { Reference, ReferenceKind } from './reference.ts';
import { type EventRejection, describe, quote, reject } from './rejection.ts';

/** An event as it was sent: complete and checked, its visitor ids not yet tokens. */
export type Raw<Event> = {
  -readonly [Field in keyof Event]: Event[Field] extends VisitorToken
    ? string
    : Event[Field] extends VisitorToken | null
      ? string | null
      : Event[Field];
};

export type RawEvent<Type extends EventType> = Raw<EventOfTopic[(typeof TOPIC_OF_EVENT)[Type]]>;

export type ParseResult<Event> = { readonly kind: 'ok'; readonly event: Event } | EventRejection;

/** What the present is: the only thing besides the value that decides about an event. */
export interface ParseTime {
  readonly nowMs: number;
  /** How far ahead of us a sender's clock may run. */
  readonly clockSkewMs: number;
}

/** Most units of one line, and most that a stock figure may hold: keeps sums of millions of lines exact. */
export const UNITS_MAX = 1_000_000_000;

/** Largest value of one order in minor units: nine hundred of them still add up exactly. */
export const ORDER_VALUE_MINOR_MAX = 10_000_000_000_000;

const CHECKS: Readonly<Record<Topic, RecordCheck>> = {
  'weir.clicks': compileRecord(AVRO_SCHEMAS['weir.clicks']),
  'weir.orders': compileRecord(AVRO_SCHEMAS['weir.orders']),
  'weir.inventory': compileRecord(AVRO_SCHEMAS['weir.inventory']),
  'weir.reference': compileRecord(AVRO_SCHEMAS['weir.reference']),
  'weir.internal.sku': compileRecord(AVRO_SCHEMAS['weir.internal.sku']),
  'weir.internal.visitor': compileRecord(AVRO_SCHEMAS['weir.internal.visitor']),
  'weir.internal.address': compileRecord(AVRO_SCHEMAS['weir.internal.address']),
  'weir.internal.identity': compileRecord(AVRO_SCHEMAS['weir.internal.identity']),
};

/**
 * Checks an event of unknown origin: JSON or a decoded Avro record. The result is a new object with
 * every field of the schema, absent ones as `null`.
 */
export function parseEvent<Type extends EventType>(
  type: Type,
  value: unknown,
  time: ParseTime,
): ParseResult<RawEvent<Type>> {
  return erase(parseRecord(TOPIC_OF_EVENT[type], value, time));
}

/** As `parseEvent`, for the records of any topic. */
export function parseRecord<T extends Topic>(
  topic: T,
  value: unknown,
  time: ParseTime,
): ParseResult<Raw<EventOfTopic[T]>> {
  let flat = value;
  if (topic === 'weir.reference') {
    const result = withoutBody(value);
    if (result.kind === 'rejected') return result;
    flat = result.event;
  }
  const record = checkRecord(CHECKS[topic], flat, '');
  if (isRejection(record)) return record;
  return checkValues(topic, record, time) ?? { kind: 'ok', event: erase(record) };
}

/**
 * As `parseEvent`, for an event that has every field of its schema in the schema's order, such as one
 * that `decodeEvent` gives: it is checked as it is, and not copied.
 */
export function checkEvent<Type extends EventType>(
  type: Type,
  event: object,
  time: ParseTime,
): ParseResult<RawEvent<Type>> {
  const topic = TOPIC_OF_EVENT[type];
  const record: CheckedRecord = erase(event);
  const rejection = checkComplete(CHECKS[topic], record, '') ?? checkValues(topic, record, time);
  return rejection ?? { kind: 'ok', event: erase(record) };
}

/** Refuses what has the form of the schema and still cannot be. */
function checkValues(
  topic: Topic,
  record: CheckedRecord,
  time: ParseTime,
): EventRejection | undefined {
  return checkTime(Number(record['occurred_at']), time) ?? checkMeaning(topic, record);
}

const OLDEST_DAY = new Date(EVENT_TIME_MS_MIN).toISOString().slice(0, 10);

function checkTime(
  occurredAtMs: number,
  { nowMs, clockSkewMs }: ParseTime,
): EventRejection | undefined {
  if (occurredAtMs < EVENT_TIME_MS_MIN) {
    return reject('EVENT_TIME_TOO_OLD', {
      expected: `milliseconds from ${EVENT_TIME_MS_MIN} (${OLDEST_DAY}) on`,
      got: String(occurredAtMs),
      path: 'occurred_at',
    });
  }
  if (occurredAtMs <= nowMs + clockSkewMs) return undefined;
  return reject('EVENT_TIME_IN_FUTURE', {
    expected: `at most ${clockSkewMs} ms after the present ${nowMs}`,
    got: String(occurredAtMs),
    path: 'occurred_at',
  });
}

function checkMeaning(topic: Topic, record: CheckedRecord): EventRejection | undefined {
  switch (topic) {
    case 'weir.clicks':
    case 'weir.internal.sku':
    case 'weir.internal.visitor':
    case 'weir.internal.address':
    case 'weir.internal.identity':
      return undefined;
    case 'weir.orders':
      return checkOrder(erase(record));
    case 'weir.inventory':
      return checkInventory(erase(record));
    case 'weir.reference':
      return checkReference(erase(record));
  }
}

function checkOrder(order: Raw<Order>): EventRejection | undefined {
  const { lines, status } = order;
  if (lines.length === 0 && (status === 'placed' || status === 'returned')) {
    return reject('EVENT_LINES_MISSING', {
      expected: `one line or more when ${status}`,
      got: 'none',
      path: 'lines',
    });
  }
  const lineIds = new Set<string>();
  let valueMinor = 0;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    if (line === undefined) break;
    const { line_id, quantity, unit_price_minor } = line;
    if (quantity < 1 || quantity > UNITS_MAX) {
      return reject('EVENT_NUMBER_OUT_OF_RANGE', {
        expected: `1 to ${UNITS_MAX} units`,
        got: String(quantity),
        path: `lines[${index}].quantity`,
      });
    }
    valueMinor += quantity * unit_price_minor;
    if (
      valueMinor > ORDER_VALUE_MINOR_MAX ||
      (line.unit_cost_minor ?? 0) * quantity > ORDER_VALUE_MINOR_MAX
    ) {
      return reject('EVENT_AMOUNT_TOO_LARGE', {
        expected: `an order of at most ${ORDER_VALUE_MINOR_MAX} minor units`,
        got: 'more',
        path: `lines[${index}]`,
      });
    }
    lineIds.add(line_id);
    if (lineIds.size <= index) {
      return reject('EVENT_LINE_ID_REPEATED', {
        expected: 'a line_id of its own for every line',
        got: 'one that an earlier line has',
        path: `lines[${index}].line_id`,
      });
    }
  }
  return undefined;
}

const INVENTORY_FIELDS = {
  count: ['on_hand'],
  movement: ['quantity'],
  inbound: ['quantity'],
  price: ['price_minor', 'currency', 'channel'],
  capacity: ['capacity', 'used'],
} as const satisfies Record<InventoryKind, readonly (keyof Inventory)[]>;

const UNIT_FIELDS = ['on_hand', 'reserved', 'safety', 'quantity', 'capacity', 'used'] as const;

function checkInventory(event: Raw<Inventory>): EventRejection | undefined {
  if (event.price_minor !== null && event.currency === null) return currencyMissing('price_minor');
  for (const name of INVENTORY_FIELDS[event.kind]) {
    if (event[name] === null) return missingForKind(name, event.kind);
  }
  for (const name of UNIT_FIELDS) {
    if (Math.abs(event[name] ?? 0) > UNITS_MAX) {
      return reject('EVENT_NUMBER_OUT_OF_RANGE', {
        expected: `at most ${UNITS_MAX} units`,
        got: String(event[name]),
        path: name,
      });
    }
  }
  if ((event.price_minor ?? 0) > ORDER_VALUE_MINOR_MAX) {
    return reject('EVENT_AMOUNT_TOO_LARGE', {
      expected: `at most ${ORDER_VALUE_MINOR_MAX} minor units`,
      got: String(event.price_minor),
      path: 'price_minor',
    });
  }
  if (event.kind === 'inbound' && (event.quantity ?? 0) < 1) {
    return reject('EVENT_NUMBER_OUT_OF_RANGE', {
      expected: '1 unit or more',
      got: String(event.quantity),
      path: 'quantity',
    });
  }
  return undefined;
}

type ReferenceField = Exclude<
  keyof Reference,
  'event_id' | 'occurred_at' | 'source' | 'seq' | 'subject' | 'kind'
>;

/** The body of every kind: the fields it must have, and those it may have besides. */
const REFERENCE_BODIES = {
  fx: { required: ['base', 'quote', 'rate'], optional: [] },
  spend: {
    required: ['channel', 'amount_minor', 'currency', 'from', 'to'],
    optional: ['campaign'],
  },
  target: { required: ['metric', 'value', 'from', 'to'], optional: ['channel'] },
  identity: { required: ['visitor_id', 'into'], optional: [] },
  consent: { required: ['visitor_id', 'consent'], optional: [] },
  erasure: { required: ['visitor_id'], optional: [] },
  rule: { required: ['rule'], optional: [] },
} as const satisfies Record<
  ReferenceKind,
  { readonly required: readonly ReferenceField[]; readonly optional: readonly ReferenceField[] }
>;

const REFERENCE_FIELDS: readonly ReferenceField[] = [
  ...new Set(
    Object.values(REFERENCE_BODIES).flatMap(({ required, optional }) => [...required, ...optional]),
  ),
];

function checkReference(event: Raw<Reference>): EventRejection | undefined {
  if (event.amount_minor !== null && event.currency === null)
    return currencyMissing('amount_minor');
  const { required, optional } = REFERENCE_BODIES[event.kind];
  const allowed: ReadonlySet<ReferenceField> = new Set<ReferenceField>([...required, ...optional]);
  for (const name of required) {
    if (event[name] === null) return missingForKind(name, event.kind);
  }
  for (const name of REFERENCE_FIELDS) {
    if (event[name] !== null && !allowed.has(name)) {
      return reject('EVENT_FIELD_UNKNOWN', {
        expected: `only ${[...allowed].join(', ')} when kind is ${event.kind}`,
        got: quote(name),
        path: 'the event',
      });
    }
  }
  if (event.rate !== null && event.rate <= 0) {
    return reject('EVENT_NUMBER_OUT_OF_RANGE', {
      expected: 'a rate above 0',
      got: String(event.rate),
      path: 'rate',
    });
  }
  if ((event.amount_minor ?? 0) > ORDER_VALUE_MINOR_MAX) {
    return reject('EVENT_AMOUNT_TOO_LARGE', {
      expected: `at most ${ORDER_VALUE_MINOR_MAX} minor units`,
      got: String(event.amount_minor),
      path: 'amount_minor',
    });
  }
  if (event.from !== null && event.to !== null && event.to <= event.from) {
    return reject('EVENT_NUMBER_OUT_OF_RANGE', {
      expected: 'an end after from',
      got: String(event.to),
      path: 'to',
    });
  }
  return undefined;
}

/**
 * A reference event may carry the fields of its kind beside the common ones, as the schema has them,
 * or gathered in an object `body`; never one field in both places.
 */
function withoutBody(value: unknown): ParseResult<unknown> {
  if (!isObject(value) || value['body'] === undefined) return { kind: 'ok', event: value };
  const { body, ...common } = value;
  if (!isObject(body)) {
    return reject('EVENT_FIELD_TYPE', {
      expected: 'an object',
      got: describe(body, false),
      path: 'body',
    });
  }
  for (const name of Object.keys(body)) {
    if (Object.hasOwn(common, name)) {
      return reject('EVENT_FIELD_UNKNOWN', {
        expected: 'every field once',
        got: `${quote(name)} twice`,
        path: 'body',
      });
    }
    if (name === '__proto__') {
      return reject('EVENT_FIELD_FORBIDDEN', {
        expected: 'no field of this name',
        got: quote(name),
        path: 'body',
      });
    }
  }
  return { kind: 'ok', event: { ...common, ...body } };
}

function currencyMissing(amount: string): EventRejection {
  return reject('EVENT_CURRENCY_MISSING', {
    expected: `an ISO 4217 currency code beside ${amount}`,
    got: 'nothing',
    path: 'currency',
  });
}

function missingForKind(name: string, kind: string): EventRejection {
  return reject('EVENT_FIELD_MISSING', {
    expected: `a value when kind is ${kind}`,
    got: 'nothing',
    path: name,
  });
}
