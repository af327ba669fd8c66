import { isAscii, isUtf8 } from 'node:buffer';

import { type ContainerRejection, ContainerReader } from './container.ts';
import { type EventCode, reject } from './rejection.ts';

/** What a body may hold at most; reaching a limit is a rejection of what lies beyond it. */
export interface BatchLimits {
  readonly eventBytesMax: number;
  readonly eventsMax: number;
}

export interface IndexedValue {
  /** Position of the event in its batch, from 0; blank lines have none. */
  readonly index: number;
  readonly value: unknown;
}

export interface IndexedRejection {
  readonly index: number;
  readonly code: EventCode;
  readonly message: string;
}

/** The events of a body that could be read, and the places where none could, both in rising order. */
export interface SplitBatch {
  readonly values: readonly IndexedValue[];
  readonly rejected: readonly IndexedRejection[];
}

export type JsonLine = { readonly kind: 'ok'; readonly event: unknown } | ReturnType<typeof reject>;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LIST_OPEN = 0x5b;
const LIST_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/**
 * Splits a body into its events: a JSON list when it starts with `[`, else one JSON value a line, or
 * a single JSON object over several lines. What is broken in one element or line rejects that one
 * only. Names such as `__proto__` come out as plain fields, which `parseEvent` refuses.
 */
export function splitJson(body: Buffer, limits: BatchLimits): SplitBatch {
  const start = skipSpace(body, hasByteOrderMark(body) ? 3 : 0);
  if (start === body.length) return { values: [], rejected: [] };
  const batch = new BatchBuilder(limits);
  if (body[start] === LIST_OPEN) {
    splitList(body, start, batch);
  } else if (!takeWholeObject(body, start, batch)) {
    splitLines(body, start, batch);
  }
  return batch.finish();
}

/**
 * The events of an Avro object container file whose writer's schema need not be ours: fields are
 * checked by name afterwards, like JSON. After damage, what came before it stays and one rejection
 * stands for the rest.
 */
export function readAvroBatch(
  body: Buffer,
  limits: BatchLimits & { readonly bodyBytesMax: number },
): SplitBatch {
  const batch = new BatchBuilder(limits);
  const reader = new ContainerReader(limits.bodyBytesMax);
  for (const block of reader.push(body)) {
    for (const value of block.values) batch.add({ kind: 'ok', event: value });
    if (block.rejection !== undefined) batch.add(block.rejection);
    // A few bytes can unpack to very many events, none of which would be taken.
    if (batch.isBeyond) return batch.finish();
  }
  const rest: ContainerRejection | undefined = reader.end();
  if (rest !== undefined) batch.add(rest);
  return batch.finish();
}

/** The JSON value in `bytes` from `start` (inclusive) to `end` (exclusive). */
export function parseJson(
  bytes: Buffer,
  {
    start,
    end,
    eventBytesMax,
  }: { readonly start: number; readonly end: number; readonly eventBytesMax: number },
): JsonLine {
  if (end - start > eventBytesMax) {
    return reject('EVENT_TOO_LARGE', {
      expected: `an event of at most ${eventBytesMax} bytes`,
      got: `${end - start}`,
      path: 'the batch',
    });
  }
  const slice = bytes.subarray(start, end);
  // Most events are ASCII, which the engine parses faster from a one-byte string.
  const hasOnlyAscii = isAscii(slice);
  if (!hasOnlyAscii && !isUtf8(slice)) {
    return reject('EVENT_JSON_MALFORMED', {
      expected: 'text in UTF-8',
      got: 'other bytes',
      path: 'the batch',
    });
  }
  try {
    return { kind: 'ok', event: JSON.parse(slice.toString(hasOnlyAscii ? 'latin1' : 'utf8')) };
  } catch {
    return reject('EVENT_JSON_MALFORMED', {
      expected: 'one JSON value',
      got: 'text that is none',
      path: 'the batch',
    });
  }
}

class BatchBuilder {
  readonly limits: BatchLimits;
  readonly #values: IndexedValue[] = [];
  readonly #rejected: IndexedRejection[] = [];
  #count = 0;

  constructor(limits: BatchLimits) {
    this.limits = limits;
  }

  /** Whether the batch is full: what comes now is only counted. */
  get isFull(): boolean {
    return this.#count >= this.limits.eventsMax;
  }

  /** Whether there was more than may be taken. */
  get isBeyond(): boolean {
    return this.#count > this.limits.eventsMax;
  }

  add(line: JsonLine): void {
    const index = this.#count;
    this.#count += 1;
    if (index >= this.limits.eventsMax) return;
    if (line.kind === 'ok') this.#values.push({ index, value: line.event });
    else this.#rejected.push({ index, code: line.code, message: line.message });
  }

  addJson(bytes: Buffer, start: number, end: number): void {
    if (this.isFull) this.#count += 1;
    else this.add(parseJson(bytes, { start, end, eventBytesMax: this.limits.eventBytesMax }));
  }

  finish(): SplitBatch {
    const { eventsMax } = this.limits;
    if (this.#count > eventsMax) {
      const { code, message } = reject('EVENT_BATCH_TOO_MANY', {
        expected: `at most ${eventsMax} events`,
        got: `${this.#count}; none from this one on was taken`,
        path: 'the batch',
      });
      this.#rejected.push({ index: eventsMax, code, message });
    }
    return { values: this.#values, rejected: this.#rejected };
  }
}

function splitLines(body: Buffer, start: number, batch: BatchBuilder): void {
  let lineStart = start;
  while (lineStart < body.length) {
    const newline = body.indexOf(NEWLINE, lineStart);
    const lineEnd = newline < 0 ? body.length : newline;
    const first = skipSpace(body, lineStart, lineEnd);
    if (first < lineEnd) batch.addJson(body, first, trimEnd(body, first, lineEnd));
    lineStart = lineEnd + 1;
  }
}

/** A body that is one object over several lines: its first line alone is not an object. */
function takeWholeObject(body: Buffer, start: number, batch: BatchBuilder): boolean {
  if (body[start] !== OBJECT_OPEN || body.length - start > batch.limits.eventBytesMax) return false;
  const newline = body.indexOf(NEWLINE, start);
  if (newline < 0) return false;
  const range = { start, eventBytesMax: batch.limits.eventBytesMax };
  if (parseJson(body, { ...range, end: newline }).kind === 'ok') return false;
  const whole = parseJson(body, { ...range, end: body.length });
  if (whole.kind !== 'ok') return false;
  batch.add(whole);
  return true;
}

/**
 * Finds the elements of a list by brackets and quotes alone, so that one that is no JSON does not
 * take its neighbours along. An element that does not end rejects itself and what follows it.
 */
function splitList(body: Buffer, start: number, batch: BatchBuilder): void {
  let depth = 0;
  let elementStart = start + 1;
  let at = start + 1;
  for (; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = endOfText(body, at);
    } else if (byte === LIST_OPEN || byte === OBJECT_OPEN) {
      depth += 1;
    } else if (depth > 0) {
      if (byte === LIST_CLOSE || byte === OBJECT_CLOSE) depth -= 1;
    } else if (byte === COMMA) {
      addElement(body, { start: elementStart, end: at, isOnly: false }, batch);
      elementStart = at + 1;
    } else if (byte === LIST_CLOSE || byte === OBJECT_CLOSE) {
      break;
    }
  }
  if (at >= body.length) {
    const { code, message } = reject('EVENT_JSON_MALFORMED', {
      expected: 'a list that ends with ]',
      got: 'one that is cut off',
      path: 'the batch',
    });
    batch.add({ kind: 'rejected', code, message });
    return;
  }
  addElement(body, { start: elementStart, end: at, isOnly: elementStart === start + 1 }, batch);
  if (skipSpace(body, at + 1) < body.length || body[at] !== LIST_CLOSE) {
    batch.add(
      reject('EVENT_JSON_MALFORMED', {
        expected: 'nothing after the list',
        got: 'more text',
        path: 'the batch',
      }),
    );
  }
}

function addElement(
  body: Buffer,
  {
    start,
    end,
    isOnly,
  }: { readonly start: number; readonly end: number; readonly isOnly: boolean },
  batch: BatchBuilder,
): void {
  const first = skipSpace(body, start, end);
  // `[]` has no elements; `[a,]` has a second one that is no JSON.
  if (first === end && isOnly) return;
  batch.addJson(body, first, trimEnd(body, first, end));
}

/** The position of the quote that ends the text which starts at `start`, or the end of the body. */
function endOfText(body: Buffer, start: number): number {
  let at = start + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}

function hasByteOrderMark(body: Buffer): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CARRIAGE_RETURN || byte === TAB;
}

function skipSpace(body: Buffer, start: number, end = body.length): number {
  let at = start;
  while (at < end && isSpace(body[at])) at += 1;
  return at;
}

function trimEnd(body: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(body[at - 1])) at -= 1;
  return at;
}
