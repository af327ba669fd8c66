import { readFileSync, readdirSync } from 'node:fs';

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
  'weir.internal.visitor': load('visitor-event.avsc'),
  'weir.internal.address': load('address-event.avsc'),
  'weir.internal.identity': load('identity-event.avsc'),
};

const RELEASED_FILES = new Set(readdirSync(new URL('released', import.meta.url)));

/**
 * Every schema that records of a topic have been stored with, oldest first; the last one is today's.
 * They are `released/<name>.<version>.avsc`, and none of those files ever changes.
 */
export function releasedSchemas(topic: Topic): readonly AvroRecord[] {
  const file = fileOf(AVRO_SCHEMAS[topic]);
  const versions: AvroRecord[] = [];
  for (let version = 1; RELEASED_FILES.has(`${file}.${version}.avsc`); version += 1)
    versions.push(load(`released/${file}.${version}.avsc`));
  return versions;
}

/** What the files of a schema are called: `sku-event` for SkuEvent. */
export function fileOf({ name }: AvroRecord): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}

function load(file: string): AvroRecord {
  return erase(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')));
}
