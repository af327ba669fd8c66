import type { EventType } from '../../schemas/topics.ts';

/** Reasons for which a line of a file becomes no event. Never renamed or reused; the door has its own, `EVENT_…`. */
export const IMPORT_LINE_CODES = [
  'IMPORT_EVENT_TYPE_UNKNOWN',
  'IMPORT_ID_EMPTY',
  'IMPORT_LINE_INCOMPLETE',
  'IMPORT_LINE_MALFORMED',
  'IMPORT_LINE_TOO_LONG',
  'IMPORT_PRICE_INVALID',
  'IMPORT_QUANTITY_INVALID',
  'IMPORT_QUANTITY_SIGN',
  'IMPORT_TIME_INVALID',
] as const;
export type ImportLineCode = (typeof IMPORT_LINE_CODES)[number];

/** A line that became no event. */
export interface LineRejection {
  /** From 1, as editors count. Of an Avro file: the event's number. */
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/**
 * What a reader hands on at a time. A batch may have no events: then it only reports progress or
 * rejections.
 */
export interface ImportBatch {
  readonly type: EventType;
  readonly events: readonly unknown[];
  /** The line that each event comes from, or the first of several; in the order of `events`. */
  readonly lines: readonly number[];
  /** How many lines of the file became the events of this batch; more than events when lines are grouped. */
  readonly lineCount: number;
  readonly rejected: readonly LineRejection[];
  /** Lines that hold nothing to import: blank ones and a header. */
  readonly skippedLineCount: number;
  /** What the reader's rules did, by the names that its file documents; amounts are in minor units. */
  readonly counts: Readonly<Record<string, number>>;
  /** Bytes of the file read so far, packed if it is packed. */
  readonly bytesRead: number;
}

/** Events in a batch: enough to make a durable append cheap, few enough to keep memory flat. */
export const BATCH_EVENTS_MAX = 5_000;

interface Gathered {
  readonly events: unknown[];
  readonly lines: number[];
  lineCount: number;
}

/** Collects what a reader finds until there is enough for a batch of each type. */
export class BatchGatherer {
  #ofType = new Map<EventType, Gathered>();
  #rejected: LineRejection[] = [];
  #counts: Record<string, number> = {};
  #skippedLineCount = 0;
  #size = 0;

  /** Whether it is time to `take`. */
  get isFull(): boolean {
    return this.#size >= BATCH_EVENTS_MAX;
  }

  /** @param lineCount how many lines became this event; `line` is the first of them */
  add(type: EventType, event: unknown, line: number, lineCount = 1): void {
    let gathered = this.#ofType.get(type);
    if (gathered === undefined) {
      gathered = { events: [], lines: [], lineCount: 0 };
      this.#ofType.set(type, gathered);
    }
    gathered.events.push(event);
    gathered.lines.push(line);
    gathered.lineCount += lineCount;
    this.#size += 1;
  }

  reject(rejection: LineRejection): void {
    this.#rejected.push(rejection);
    this.#size += 1;
  }

  skipLine(): void {
    this.#skippedLineCount += 1;
  }

  count(rule: string, amount = 1): void {
    this.#counts[rule] = (this.#counts[rule] ?? 0) + amount;
  }

  /**
   * The batches of what was gathered, one for each type, and forgets them. What belongs to no event
   * goes with the first one, or with an empty batch of `emptyType`.
   */
  take(bytesRead: number, emptyType: EventType): ImportBatch[] {
    const rest = {
      rejected: this.#rejected,
      skippedLineCount: this.#skippedLineCount,
      counts: this.#counts,
    };
    const gathered: [EventType, Gathered][] = [...this.#ofType];
    if (gathered.length === 0) gathered.push([emptyType, { events: [], lines: [], lineCount: 0 }]);
    this.#ofType = new Map();
    this.#rejected = [];
    this.#counts = {};
    this.#skippedLineCount = 0;
    this.#size = 0;
    return gathered.map(([type, { events, lines, lineCount }], index) => ({
      type,
      events,
      lines,
      lineCount,
      bytesRead,
      ...(index === 0 ? rest : NOTHING_ELSE),
    }));
  }
}

const NOTHING_ELSE = { rejected: [], skippedLineCount: 0, counts: {} } as const;
