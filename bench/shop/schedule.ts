/** Something that goes on in the shop: a visit, a bot's run, an order's way to its buyer, a delivery. */
export interface Process {
  /** Does what is due at `nowMs` and says when it goes on (at or after `nowMs`); Infinity when it is over. */
  step(nowMs: number): number;
}

/**
 * Runs processes in the order of their times: a heap with four children a node, which moves less
 * than a binary one. Ties run in an order that depends on nothing but the calls before.
 */
export class Schedule {
  readonly #timesMs: number[] = [];
  readonly #processes: Process[] = [];

  /** A process may add others while it runs, at or after its own time. */
  add(atMs: number, process: Process): void {
    if (atMs === Number.POSITIVE_INFINITY) return;
    let index = this.#timesMs.length;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      const parentMs = this.#timesMs[parent] ?? 0;
      const parentProcess = this.#processes[parent];
      if (parentProcess === undefined || parentMs <= atMs) break;
      this.#timesMs[index] = parentMs;
      this.#processes[index] = parentProcess;
      index = parent;
    }
    this.#timesMs[index] = atMs;
    this.#processes[index] = process;
  }

  /** Runs everything due before `untilMs` (exclusive). */
  runUntil(untilMs: number): void {
    for (;;) {
      const nowMs = this.#timesMs[0];
      const process = this.#processes[0];
      if (nowMs === undefined || process === undefined || nowMs >= untilMs) return;
      const nextMs = process.step(nowMs);
      if (nextMs === Number.POSITIVE_INFINITY) this.#removeFirst();
      else this.#sink(nextMs, process);
    }
  }

  #removeFirst(): void {
    const timeMs = this.#timesMs.pop();
    const process = this.#processes.pop();
    if (timeMs === undefined || process === undefined || this.#timesMs.length === 0) return;
    this.#sink(timeMs, process);
  }

  /** Puts a process where the first one was and moves it down to its place. */
  #sink(timeMs: number, process: Process): void {
    const times = this.#timesMs;
    const processes = this.#processes;
    const count = times.length;
    let index = 0;
    for (;;) {
      const firstChild = index * 4 + 1;
      if (firstChild >= count) break;
      const end = Math.min(firstChild + 4, count);
      let child = firstChild;
      let childMs = times[firstChild] ?? 0;
      for (let other = firstChild + 1; other < end; other += 1) {
        const otherMs = times[other] ?? 0;
        if (otherMs < childMs) {
          child = other;
          childMs = otherMs;
        }
      }
      const childProcess = processes[child];
      if (childMs >= timeMs || childProcess === undefined) break;
      times[index] = childMs;
      processes[index] = childProcess;
      index = child;
    }
    times[index] = timeMs;
    processes[index] = process;
  }
}
