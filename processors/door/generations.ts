/**
 * A map that forgets: entries live in a young and an old generation; when the young one is full the
 * old one goes and the young one takes its place. What is read from the old one becomes young again,
 * so what is in use stays. As good as least-recently-used here, without moving an entry on every read.
 */
export class GenerationMap<Value> {
  readonly #generationSize: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** Holds at most `sizeMax` entries and at least the last half of that many. */
  constructor(sizeMax: number) {
    this.#generationSize = Math.max(1, sizeMax >> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const aged = this.#old.get(key);
    if (aged === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, aged);
    return aged;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
