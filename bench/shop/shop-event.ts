import type { EventType } from '../../schemas/topics.ts';

/** How a line of each type begins: the field that names the type, before the event's own fields. */
export const LINE_START: Readonly<Record<EventType, string>> = {
  click: '{"event":"click",',
  order: '{"event":"order",',
  inventory: '{"event":"inventory",',
  reference: '{"event":"reference",',
};

/** One event of the shop as text: building objects first and turning them into text halves the speed. */
export class ShopEvent {
  readonly type: EventType;
  /** Event time, UTC milliseconds. */
  readonly occurredAtMs: number;
  /**
   * The event as a line of a mixed NDJSON file: the wire form behind a field `event` that names its
   * type. ASCII, with the newline at its end.
   */
  readonly line: string;

  constructor(type: EventType, occurredAtMs: number, line: string) {
    this.type = type;
    this.occurredAtMs = occurredAtMs;
    this.line = line;
  }

  /** The event in the wire form of contract.md §1: what the ingest endpoint of its type takes. */
  get json(): string {
    return `{${this.line.slice(LINE_START[this.type].length, -1)}`;
  }

  /** The event parsed from its wire form; a new object at every call. */
  toObject(): unknown {
    return JSON.parse(this.json);
  }
}
