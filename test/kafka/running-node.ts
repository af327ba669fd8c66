import { RunningScript } from './running-script.ts';

/** A process of node.ts. */
export class RunningNode extends RunningScript {
  /**
   * @param events.file NDJSON for its door; none without
   * @param events.expected how many events, repeats aside, it waits for
   */
  constructor(
    events: { readonly file?: string; readonly expected: number },
    environment: Readonly<Record<string, string>>,
  ) {
    super('node.ts', [events.file ?? '-', String(events.expected)], environment);
  }

  /** As `said`: it has taken `count` events, repeats aside. */
  took(count: number): Promise<boolean> {
    return this.said((line) => /^\d+$/.test(line) && Number(line) >= count);
  }

  kill(): void {
    this.signal('SIGKILL');
  }
}
