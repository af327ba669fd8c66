import type { Transport, TransportEvents, TransportName } from '../src/live/connection.ts';

/** One attempt of the page to open a link, in the hands of the test. */
export interface Attempt {
  readonly events: TransportEvents;
  readonly sent: string[];
  isClosed: boolean;
}

/** A transport whose links do what the test says, and which keeps every attempt. */
export class ScriptedTransport implements Transport {
  readonly name: TransportName;
  readonly attempts: Attempt[] = [];

  constructor(name: TransportName) {
    this.name = name;
  }

  open(events: TransportEvents) {
    const attempt: Attempt = { events, sent: [], isClosed: false };
    this.attempts.push(attempt);
    return {
      send: (text: string) => {
        attempt.sent.push(text);
      },
      close: () => {
        attempt.isClosed = true;
      },
    };
  }

  /** The attempt that began last. */
  get last(): Attempt {
    const attempt = this.attempts.at(-1);
    if (attempt === undefined) throw new RangeError(`No ${this.name} link was asked for`);
    return attempt;
  }
}
