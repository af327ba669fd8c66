import { ID_LENGTH_MAX } from '../ids.ts';
import type { AvroField, AvroRecord, AvroType } from './avro-schemas.ts';

/** Longest text of any field, in UTF-16 units: long enough for any URL that browsers send. */
const TEXT_LENGTH_MAX = 8_192;

/** Longest campaign, region or metric name: they become dimensions, whose values are kept per window. */
const LABEL_LENGTH_MAX = 256;

const ID_NAMES: ReadonlySet<string> = new Set([
  'event_id',
  'source',
  'visitor_id',
  'session_id',
  'channel',
  'sku',
  'order_id',
  'customer_id',
  'sales_channel',
  'line_id',
  'node_id',
  'promo_id',
  'subject',
  'into',
  'alert_id',
]);
const LABEL_NAMES: ReadonlySet<string> = new Set(['campaign', 'region', 'metric']);
const CURRENCY_NAMES: ReadonlySet<string> = new Set(['currency', 'base', 'quote']);
const COUNT_NAMES: ReadonlySet<string> = new Set([
  'seq',
  'reserved',
  'safety',
  'lead_time_days',
  'price_minor',
  'unit_price_minor',
  'unit_cost_minor',
  'amount_minor',
  'capacity',
  'used',
]);

/** What a field holds, which decides how it is checked. */
export type Content =
  | 'id'
  | 'label'
  | 'text'
  | 'currency'
  | 'enum'
  | 'integer'
  | 'instant'
  | 'double'
  | 'boolean'
  | 'record'
  | 'list';

/** The checks of one field. */
export interface FieldCheck {
  readonly name: string;
  readonly content: Content;
  /** Never of a list: an absent one is an empty one. */
  readonly isRequired: boolean;
  readonly lengthMax: number;
  readonly min: number;
  readonly symbols: ReadonlySet<string>;
  /** The record of a nested record or of a list's items. */
  readonly record: RecordCheck | undefined;
}

/** The checks of one record, in the order of its schema's fields. */
export interface RecordCheck {
  readonly fields: readonly FieldCheck[];
  readonly fieldOf: ReadonlyMap<string, FieldCheck>;
  readonly requiredCount: number;
  readonly listNames: readonly string[];
  /** Every field of a record that has none, in order; null for lists and what is required. */
  readonly absent: Readonly<Record<string, string | number | boolean | null>>;
}

const NO_SYMBOLS: ReadonlySet<string> = new Set();

/** Turns a schema into the list of checks that `checkRecord` walks; once per schema. */
export function compileRecord(schema: AvroRecord): RecordCheck {
  const fields = schema.fields.map(compileField);
  const defaults = schema.fields.map(
    ({ name, default: absent }) => [name, absent ?? null] as const,
  );
  return {
    fields,
    fieldOf: new Map(fields.map((field) => [field.name, field])),
    requiredCount: fields.filter(({ isRequired }) => isRequired).length,
    listNames: fields.filter(({ content }) => content === 'list').map(({ name }) => name),
    absent: Object.fromEntries(defaults),
  };
}

function compileField(field: AvroField): FieldCheck {
  const { name } = field;
  const type = withoutNull(field.type);
  const content = contentOf(name, type);
  return {
    name,
    content,
    isRequired: field.default === undefined && content !== 'list',
    lengthMax:
      content === 'id' ? ID_LENGTH_MAX : content === 'label' ? LABEL_LENGTH_MAX : TEXT_LENGTH_MAX,
    min: COUNT_NAMES.has(name) ? 0 : Number.MIN_SAFE_INTEGER,
    symbols: typeof type === 'object' && 'symbols' in type ? new Set(type.symbols) : NO_SYMBOLS,
    record: nestedRecord(type),
  };
}

/** The one type beside null in an optional field's union. */
function withoutNull(type: AvroType): Exclude<AvroType, readonly AvroType[]> {
  if (!isUnion(type)) return type;
  const other = type.find((branch) => branch !== 'null');
  if (other === undefined || isUnion(other)) {
    throw new TypeError('a union must be null and one other type');
  }
  return other;
}

function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type);
}

function contentOf(name: string, type: Exclude<AvroType, readonly AvroType[]>): Content {
  if (typeof type === 'object') {
    if (type.type === 'record') return 'record';
    if (type.type === 'enum') return 'enum';
    return type.type === 'array' ? 'list' : 'instant';
  }
  if (type === 'long') return 'integer';
  if (type === 'double' || type === 'boolean') return type;
  if (type !== 'string') throw new TypeError(`no check for Avro type ${type}`);
  if (ID_NAMES.has(name)) return 'id';
  if (LABEL_NAMES.has(name)) return 'label';
  return CURRENCY_NAMES.has(name) ? 'currency' : 'text';
}

function nestedRecord(type: Exclude<AvroType, readonly AvroType[]>): RecordCheck | undefined {
  if (typeof type !== 'object') return undefined;
  if (type.type === 'record') return compileRecord(type);
  if (type.type !== 'array') return undefined;
  const items = withoutNull(type.items);
  if (typeof items !== 'object' || items.type !== 'record') {
    throw new TypeError('a list must hold records');
  }
  return compileRecord(items);
}
