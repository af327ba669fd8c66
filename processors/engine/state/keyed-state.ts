import { Packr, RESET_BUFFER_MODE } from 'msgpackr';

import { EngineError, assert } from '../../../schemas/errors.ts';
import type { Operator } from '../operator/operator.ts';
import { Arena } from './arena.ts';
import { SEAL_BYTES, type Store, type Write, endOfPrefix, sealedWrite } from './store.ts';

/** The states of one key: one element per operator of the stage, in the order of the task's list. */
export interface KeyedEntry {
  readonly states: unknown[];
  /** The checkpoint that will hold the last change, 0 when it is encoded; see `KeyedState.markDirty`. */
  changedFor: number;
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

interface ChangedKey {
  readonly key: string;
  readonly entry: KeyedEntry;
}

/** What a key takes in memory besides its states, about. */
const ENTRY_BYTES = 200;
const EXPIRY_BYTES = 8;
const LAYOUT_BYTES = 1;
/** Where the states begin in a value that is not sealed. */
const STATES_AT = EXPIRY_BYTES + LAYOUT_BYTES;
/** In the place of the layout: the value is the name of another key. */
const POINTER = 255;

/**
 * The keyed state of one task: a bounded memory of recently used keys in front of the store.
 * Memory is two generations of about `cachedBytesMax` each, by encoded size: what is in memory takes
 * two to three times as much. A key used again moves to the young one, and when that is full the
 * old one is dropped after its changes are durable.
 *
 * A checkpoint closes at one moment and is encoded over many: what changed before it waits, and a key
 * that is to change again is encoded first, as it was.
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
  /** Number of the checkpoint that holds what changes now; that of none is 0. */
  #checkpoint = 2;
  #changed: ChangedKey[] = [];
  /** What had changed when the closed checkpoint closed, and from where on it is still to encode. */
  #closed: readonly ChangedKey[] = [];
  #closedAt = 0;
  /** What it has encoded. */
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

  /** How many keys have changed since the last `close`. */
  get changedCount(): number {
    return this.#changed.length;
  }

  /** Whether there is anything for a checkpoint. */
  get hasChanges(): boolean {
    return this.#changed.length > 0 || this.#closed.length > 0;
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
    if (entry !== undefined) {
      this.#beforeChange(key, entry);
      return entry;
    }
    entry = this.#old.get(key);
    if (entry === undefined) {
      const stored = this.#store.get(this.#prefix + key);
      entry =
        stored === undefined || stored.readDoubleLE(0) <= horizonMs
          ? this.#created(undefined)
          : this.#decode(stored);
    } else {
      this.#beforeChange(key, entry);
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
      this.#beforeChange(key, cached);
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

  /** The states of `key` have changed, since `entry` or `visit` gave them out. */
  markDirty(key: string, entry: KeyedEntry): void {
    if (entry.changedFor === this.#checkpoint) return;
    entry.changedFor = this.#checkpoint;
    this.#changed.push({ key, entry });
  }

  /** What has changed so far belongs to the checkpoint that begins, and what changes from now on to the next. */
  close(): void {
    assert(this.#closed.length === 0, 'one checkpoint is encoded at a time');
    this.#closed = this.#changed;
    this.#closedAt = 0;
    this.#changed = [];
    this.#checkpoint += 1;
  }

  /** Encodes up to `count` keys of the closed checkpoint; returns how many. */
  encodeSome(count: number): number {
    const end = Math.min(this.#closed.length, this.#closedAt + count);
    const encoded = end - this.#closedAt;
    while (this.#closedAt < end) {
      const next = this.#closed[this.#closedAt];
      if (next !== undefined) this.#beforeChange(next.key, next.entry);
      // Last, so that nothing is lost when the engine is ended in the middle of it.
      this.#closedAt += 1;
    }
    return encoded;
  }

  /** Adds the keys of the closed checkpoint to `writes`, whose values are valid until `committed` is called. */
  collect(writes: Write[]): void {
    for (const write of this.#encoded) writes.push(write);
    this.#encoded = [];
    this.#closed = [];
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

  /** The closed checkpoint gets the states as they are. */
  #beforeChange(key: string, entry: KeyedEntry): void {
    if (entry.changedFor !== this.#checkpoint - 1) return;
    const stored = this.#encode(entry);
    this.#youngBytes += stored.length - entry.bytes;
    entry.bytes = stored.length;
    this.#encoded.push(sealedWrite(this.#prefix + key, stored));
    entry.changedFor = 0;
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
      changedFor: 0,
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
    const stored = this.#begin(expiresAtMs, this.#layoutIndex, body.length);
    stored.set(body, SEAL_BYTES + STATES_AT);
    return stored;
  }

  #encodePointer(into: string): Buffer {
    const stored = this.#begin(Number.POSITIVE_INFINITY, POINTER, Buffer.byteLength(into));
    stored.write(into, SEAL_BYTES + STATES_AT, 'utf8');
    return stored;
  }

  /** A value, behind room for its seal, that goes on with `length` bytes. */
  #begin(expiresAtMs: number, layout: number, length: number): Buffer {
    const stored = this.#arena.take(SEAL_BYTES + STATES_AT + length);
    stored.writeDoubleLE(expiresAtMs, SEAL_BYTES);
    stored.writeUInt8(layout, SEAL_BYTES + EXPIRY_BYTES);
    return stored;
  }

  #decode(stored: Buffer): KeyedEntry {
    const layoutIndex = stored.readUInt8(EXPIRY_BYTES);
    if (layoutIndex === POINTER) return this.#created(stored.toString('utf8', STATES_AT));
    return {
      states: this.#decodeStates(layoutIndex, stored),
      changedFor: 0,
      into: undefined,
      bytes: stored.length,
    };
  }

  #decodeStates(layoutIndex: number, stored: Buffer): unknown[] {
    const states: unknown = this.#packr.unpack(stored.subarray(STATES_AT));
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
