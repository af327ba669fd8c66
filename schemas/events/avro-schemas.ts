import { readFileSync } from 'node:fs';

import { erase } from '../brand.ts';
import type { Topic } from '../topics.ts';

/** The parts of Avro's schema language that Weir's events use. */
export type AvroType =
  | string
  | readonly AvroType[]
  | {
      readonly type: 'record';
      readonly name: string;
      readonly namespace?: string;
      readonly fields: readonly AvroField[];
    }
  | { readonly type: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  | { readonly type: 'array'; readonly items: AvroType }
  | { readonly type: 'long'; readonly logicalType: string };

export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly default?: string | number | boolean | null;
}

export type AvroRecord = Extract<AvroType, { readonly type: 'record' }>;

/** The schema of every topic's events, as the `.avsc` files beside this one say it. */
export const AVRO_SCHEMAS: Readonly<Record<Topic, AvroRecord>> = {
  'weir.clicks': load('click.avsc'),
  'weir.orders': load('order.avsc'),
  'weir.inventory': load('inventory.avsc'),
  'weir.reference': load('reference.avsc'),
  'weir.internal.sku': load('sku-event.avsc'),
};

function load(file: string): AvroRecord {
  return erase(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')));
}
