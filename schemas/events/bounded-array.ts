import avro from 'avsc';

import { erase } from '../brand.ts';

/** What avsc hands its types to read from; not in its published types. */
interface Tap {
  readonly buf: Buffer;
  readonly pos: number;
  readLong(): number;
  skipLong(): void;
  _invalidate(): void;
}

interface ReadableType {
  _read(tap: Tap): unknown;
}

/**
 * avsc believes the count in front of an array and makes room for it, so that a few damaged or
 * malicious bytes cost gigabytes or hours. Here a count beyond the bytes that are left is damage:
 * every item takes at least one.
 */
class BoundedArrayType extends avro.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const itemsType: ReadableType = erase(this.itemsType);
    const items: unknown[] = [];
    for (;;) {
      let count = tap.readLong();
      if (count === 0) return items;
      if (count < 0) {
        count = -count;
        // The size of the block in bytes, for readers that skip it.
        tap.skipLong();
      }
      // Turned around it would let NaN through, which avsc makes of a number that never ends.
      if (!(count <= tap.buf.length - tap.pos)) {
        // oxlint-disable-next-line no-underscore-dangle -- avsc's name for it
        tap._invalidate();
        return items;
      }
      for (; count > 0; count -= 1) {
        // oxlint-disable-next-line no-underscore-dangle -- avsc's name for it
        items.push(itemsType._read(tap));
      }
    }
  }
}

/**
 * Compiles a schema for reading bytes that may be damaged.
 *
 * @param schema arrays in it must have items that take at least one byte
 * @throws {Error} avsc's own, when it is no Avro schema
 */
export function compileSchema(schema: unknown): avro.Type {
  return avro.Type.forSchema(erase(schema), {
    omitRecordMethods: true,
    typeHook: (part, options) => (isArray(part) ? new BoundedArrayType(part, options) : undefined),
  });
}

function isArray(
  schema: unknown,
): schema is { readonly type: 'array'; readonly items: avro.Schema } {
  return (
    typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'array'
  );
}
