/** An import of history that has begun in a task and not ended in all its inputs. */
export interface ActiveImport {
  readonly name: string;
  readonly newestEventMs: number;
  readonly endedInputs: readonly number[];
}

/** The imports that are under way in one task. While there are any, no keyed state expires. */
export class Imports {
  readonly #inputCount: number;
  #active: ActiveImport[];

  constructor(inputCount: number, active: readonly ActiveImport[] = []) {
    this.#inputCount = inputCount;
    this.#active = [...active];
  }

  get isAny(): boolean {
    return this.#active.length > 0;
  }

  /** For the checkpoint. */
  get active(): readonly ActiveImport[] {
    return this.#active;
  }

  /** An event of the import with this event time is being read. */
  observe(name: string, eventMs: number): void {
    const index = this.#active.findIndex((each) => each.name === name);
    const before = this.#active[index];
    if (before === undefined) this.#active.push({ name, newestEventMs: eventMs, endedInputs: [] });
    else if (eventMs > before.newestEventMs)
      this.#active[index] = { ...before, newestEventMs: eventMs };
  }

  /**
   * The import is over in one input. When it is over in all, returns its newest event time: nothing
   * older will follow from it.
   */
  end(name: string, input: number): number | undefined {
    const before = this.#active.find((each) => each.name === name) ?? {
      name,
      newestEventMs: -Infinity,
      endedInputs: [],
    };
    const endedInputs = [...new Set([...before.endedInputs, input])];
    this.#active = this.#active.filter((each) => each.name !== name);
    if (endedInputs.length === this.#inputCount) return before.newestEventMs;
    this.#active.push({ ...before, endedInputs });
    return undefined;
  }
}
