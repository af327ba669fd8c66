import avro from 'avsc';

import { erase } from '../brand.ts';

/** What avsc hands its types to read from; not in its published types. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  skipLong(): void;
  _invalidate(): void;
}

interface ReadableType {
  _read(tap: Tap): unknown;
  _skip(tap: Tap): void;
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
        invalidate(tap);
        return items;
      }
      for (; count > 0; count -= 1) {
        // oxlint-disable-next-line no-underscore-dangle -- avsc's name for it
        items.push(itemsType._read(tap));
      }
    }
  }

  /** Passes over a list that the reader does not have, with the same bound. */
  _skip(tap: Tap): void {
    const itemsType: ReadableType = erase(this.itemsType);
    for (;;) {
      const count = tap.readLong();
      if (count === 0) return;
      // A block with its size in bytes ends there, and one without ends after its items.
      const end = count < 0 ? tap.pos + tap.readLong() : undefined;
      for (let left = end === undefined ? count : 0; left > 0; left -= 1) {
        const before = tap.pos;
        // oxlint-disable-next-line no-underscore-dangle -- avsc's name for it
        itemsType._skip(tap);
        // Lengths below zero would lead back, and round in circles.
        if (!(tap.pos > before && tap.pos <= tap.buf.length)) return invalidate(tap);
      }
      if (end === undefined) continue;
      if (!(end >= tap.pos && end <= tap.buf.length)) return invalidate(tap);
      tap.pos = end;
    }
  }
}

function invalidate(tap: Tap): void {
  // oxlint-disable-next-line no-underscore-dangle -- avsc's name for it
  tap._invalidate();
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
