import { Packr, RESET_BUFFER_MODE } from 'msgpackr';

import { EngineError } from '../../../schemas/errors.ts';
import type { Operator } from '../operator/operator.ts';
import { Arena } from './arena.ts';
import { endOfPrefix, type Store, type Write } from './store.ts';

/** The states of one key: one element per operator of the stage, in the order of the task's list. */
export interface KeyedEntry {
  readonly states: unknown[];
  isDirty: boolean;
  /** The key that this one is part of; its states are there, and the ones here are empty. */
  into?: string | undefined;
  /** Of its encoded form when it was last encoded or read; 0 before. */
  bytes: number;
}

/**
 * Which operators a stored value holds states of, in order. A value names its layout, so that an
 * operator can be added or removed without rewriting what is stored.
 */
export interface Layout {
  readonly operators: readonly { readonly name: string; readonly stateVersion: number }[];
}

/** What a key takes in memory besides its states, about. */
const ENTRY_BYTES = 200;
const EXPIRY_BYTES = 8;
const LAYOUT_BYTES = 1;
/** In the place of the layout: the value is the name of another key. */
const POINTER = 255;

/**
 * The keyed state of one task: a bounded memory of recently used keys in front of the store.
 * Memory is two generations of about `cachedBytesMax` each, by encoded size: what is in memory takes
 * two to three times as much. A key used again moves to the young one, and when that is full the
 * old one is dropped after its changes are durable.
 */
export class KeyedState {
  readonly #prefix: string;
  readonly #store: Store;
  readonly #operators: readonly Operator[];
  readonly #cachedBytesMax: number;
  readonly #layouts: readonly Layout[];
  readonly #layoutIndex: number;
  /** Bytes in a state are copied: what the store returns does not stay. */
  readonly #packr = new Packr({ useRecords: false, copyBuffers: true });
  readonly #arena = new Arena();
  #young = new Map<string, KeyedEntry>();
  #old = new Map<string, KeyedEntry>();
  #youngBytes = 0;
  #dirty: { readonly key: string; readonly entry: KeyedEntry }[] = [];
  /** Changed keys that `encodeEarly` has encoded already; a key that changes again is encoded again. */
  #encoded: Write[] = [];

  /** @param options.layouts every layout that stored values may name; the last is the current one */
  constructor(options: {
    readonly prefix: string;
    readonly store: Store;
    readonly operators: readonly Operator[];
    readonly layouts: readonly Layout[];
    readonly cachedBytesMax: number;
  }) {
    this.#prefix = options.prefix;
    this.#store = options.store;
    this.#operators = options.operators;
    this.#layouts = options.layouts;
    this.#layoutIndex = options.layouts.length - 1;
    this.#cachedBytesMax = options.cachedBytesMax;
  }

  /** How many changed keys wait to be encoded. */
  get dirtyCount(): number {
    return this.#dirty.length;
  }

  /** Whether anything changed since the last `collect`. */
  get hasChanges(): boolean {
    return this.#dirty.length > 0 || this.#encoded.length > 0;
  }

  /**
   * Encodes the changed keys that have waited longest, so that few are left for `collect`, which
   * holds the task while it encodes.
   */
  encodeEarly(count: number): void {
    for (const { key, entry } of this.#dirty.splice(0, count)) {
      entry.isDirty = false;
      const value = this.#encode(entry);
      this.#youngBytes += value.length - entry.bytes;
      entry.bytes = value.length;
      this.#encoded.push({ key: this.#prefix + key, value });
    }
  }

  /** How many keys are in memory. */
  get cachedCount(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * The states of `key`, for reading and changing; call `markDirty` after a change.
   *
   * @param horizonMs stored state that expired at or before this event time counts as absent
   */
  entry(key: string, horizonMs: number): KeyedEntry {
    let entry = this.#young.get(key);
    if (entry !== undefined) return entry;
    entry = this.#old.get(key);
    if (entry === undefined) {
      const stored = this.#store.get(this.#prefix + key);
      entry =
        stored === undefined || stored.readDoubleLE(0) <= horizonMs
          ? this.#created(undefined)
          : this.#decode(stored);
    } else {
      this.#old.delete(key);
    }
    this.#keep(key, entry);
    return entry;
  }

  /**
   * Shows the states of a key to `look`, which returns whether it changed them. A key that stays as it
   * is does not come into memory for it.
   */
  visit(key: string, horizonMs: number, look: (states: readonly unknown[]) => boolean): void {
    const cached = this.#young.get(key) ?? this.#old.get(key);
    if (cached !== undefined) {
      if (look(cached.states)) this.markDirty(key, this.entry(key, horizonMs));
      return;
    }
    const stored = this.#store.get(this.#prefix + key);
    if (stored === undefined || stored.readDoubleLE(0) <= horizonMs) return;
    const entry = this.#decode(stored);
    if (!look(entry.states)) return;
    this.#keep(key, entry);
    this.markDirty(key, entry);
  }

  /** The keys in memory. */
  cachedKeys(): string[] {
    return [...this.#young.keys(), ...this.#old.keys()];
  }

  /** Up to `limit` stored keys behind `after`, in order. */
  storedKeys(after: string, limit: number): string[] {
    const keys: string[] = [];
    for (const { key } of this.#store.range({
      start: `${this.#prefix}${after}\u0000`,
      end: endOfPrefix(this.#prefix),
      limit,
    })) {
      keys.push(key.slice(this.#prefix.length));
    }
    return keys;
  }

  markDirty(key: string, entry: KeyedEntry): void {
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.#dirty.push({ key, entry });
  }

  /** Adds the changed keys to `writes`, whose values are valid until `committed` is called. */
  collect(writes: Write[]): void {
    this.encodeEarly(this.#dirty.length);
    // In this order: of two values of one key the later one is written last.
    for (const write of this.#encoded) writes.push(write);
    this.#encoded = [];
    this.#arena.seal();
  }

  /**
   * Everything collected is durable: memory may be given back. Call it once after each `collect`: a
   * key that changed since is in the young generation, because changing it made it young.
   */
  committed(): void {
    this.#arena.release();
    if (this.#youngBytes < this.#cachedBytesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  /**
   * Removes up to `limit` stored keys from `after` on whose state expired at or before `horizonMs`;
   * adds the removals to `writes`. Returns where to go on, or undefined at the end of the keys.
   */
  sweep(
    writes: Write[],
    options: {
      readonly after: string;
      readonly end: string;
      readonly horizonMs: number;
      readonly limit: number;
    },
  ): string | undefined {
    let count = 0;
    let last: string | undefined;
    for (const { key, value } of this.#store.range({
      start: options.after,
      end: options.end,
      limit: options.limit,
    })) {
      count += 1;
      last = key;
      if (value.readDoubleLE(0) > options.horizonMs) continue;
      const name = key.slice(this.#prefix.length);
      // A key in use has a newer state in memory than the stored one.
      if (this.#young.has(name) || this.#old.has(name)) continue;
      writes.push({ key, value: undefined });
    }
    return count === options.limit && last !== undefined ? `${last}\u0000` : undefined;
  }

  #keep(key: string, entry: KeyedEntry): void {
    this.#young.set(key, entry);
    this.#youngBytes += ENTRY_BYTES + entry.bytes;
  }

  /** Empties the states of a key that is part of another from now on. */
  empty(entry: KeyedEntry, into: string): void {
    entry.into = into;
    this.#operators.forEach((operator, slot) => {
      entry.states[slot] = operator.createState();
    });
  }

  #created(into: string | undefined): KeyedEntry {
    // The same fields in the same order for all: entries are looked at for every event.
    return {
      states: this.#operators.map((operator) => operator.createState()),
      isDirty: false,
      into,
      bytes: 0,
    };
  }

  #encode({ states, into }: KeyedEntry): Buffer {
    if (into !== undefined) return this.#encodePointer(into);
    let expiresAtMs = -Infinity;
    this.#operators.forEach((operator, index) => {
      expiresAtMs = Math.max(expiresAtMs, operator.expiresAtMs(states[index]));
    });
    // Valid until something else is packed.
    const body = this.#packr.pack(states, RESET_BUFFER_MODE);
    const value = this.#arena.take(EXPIRY_BYTES + LAYOUT_BYTES + body.length);
    value.writeDoubleLE(expiresAtMs, 0);
    value.writeUInt8(this.#layoutIndex, EXPIRY_BYTES);
    value.set(body, EXPIRY_BYTES + LAYOUT_BYTES);
    return value;
  }

  #encodePointer(into: string): Buffer {
    const value = this.#arena.take(EXPIRY_BYTES + LAYOUT_BYTES + Buffer.byteLength(into));
    value.writeDoubleLE(Number.POSITIVE_INFINITY, 0);
    value.writeUInt8(POINTER, EXPIRY_BYTES);
    value.write(into, EXPIRY_BYTES + LAYOUT_BYTES, 'utf8');
    return value;
  }

  #decode(stored: Buffer): KeyedEntry {
    const layoutIndex = stored.readUInt8(EXPIRY_BYTES);
    if (layoutIndex === POINTER)
      return this.#created(stored.toString('utf8', EXPIRY_BYTES + LAYOUT_BYTES));
    return {
      states: this.#decodeStates(layoutIndex, stored),
      isDirty: false,
      into: undefined,
      bytes: stored.length,
    };
  }

  #decodeStates(layoutIndex: number, stored: Buffer): unknown[] {
    const states: unknown = this.#packr.unpack(stored.subarray(EXPIRY_BYTES + LAYOUT_BYTES));
    const layout = this.#layouts[layoutIndex];
    if (
      layout === undefined ||
      !Array.isArray(states) ||
      states.length !== layout.operators.length
    ) {
      throw formatUnknown(`layout ${layoutIndex}`);
    }
    if (layoutIndex === this.#layoutIndex) return states;
    return this.#operators.map((operator) => {
      const index = layout.operators.findIndex(({ name }) => name === operator.name);
      if (index < 0) return operator.createState();
      if (layout.operators[index]?.stateVersion !== operator.stateVersion) {
        throw formatUnknown(`${operator.name} version ${layout.operators[index]?.stateVersion}`);
      }
      const state: unknown = states[index];
      return state;
    });
  }
}

function formatUnknown(what: string): EngineError {
  return new EngineError({
    code: 'CHECKPOINT_FORMAT_UNKNOWN',
    kind: 'fatal',
    message: `Expected keyed state in a format this version can read, got ${what}; recompute from the log`,
  });
}
