import type { IngestAnswer } from '../../schemas/ports.ts';
import { EVENT_TYPES, type EventType } from '../../schemas/topics.ts';
import type { ImportBatch, LineRejection } from './batch.ts';

/** Rejections kept with their line and message; of the rest there is only the count by code. */
export const SUMMARY_EXAMPLES_MAX = 20;

/**
 * What became of a file. Two sums hold: lines = imported + rejected + skipped, and for every type
 * events = accepted + duplicates + rejected.
 */
export interface ImportSummary {
  readonly lines: {
    readonly read: number;
    readonly imported: number;
    readonly rejected: number;
    /** Blank lines and the header. */
    readonly skipped: number;
  };
  readonly events: Readonly<Record<EventType, EventTotals>>;
  /** How many lines and events were rejected, by code. */
  readonly rejectedByCode: Readonly<Record<string, number>>;
  /** What the reader's rules did, by rule; amounts are in minor units. */
  readonly rules: Readonly<Record<string, number>>;
  readonly examples: readonly LineRejection[];
}

export interface EventTotals {
  readonly found: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

/** Adds up what the reader found and what the door answered. */
export class SummaryBuilder {
  readonly #events: Record<EventType, EventTotals> = {
    click: NO_EVENTS,
    order: NO_EVENTS,
    inventory: NO_EVENTS,
    reference: NO_EVENTS,
  };
  readonly #rejectedByCode: Record<string, number> = {};
  readonly #rules: Record<string, number> = {};
  readonly #examples: LineRejection[] = [];
  #imported = 0;
  #rejected = 0;
  #skipped = 0;

  /** Takes a batch and the door's answer to its events; undefined when it had none. */
  add(batch: ImportBatch, answer: IngestAnswer | undefined): void {
    this.#imported += batch.lineCount;
    this.#rejected += batch.rejected.length;
    this.#skipped += batch.skippedLineCount;
    for (const rejection of batch.rejected) this.#reject(rejection);
    for (const [rule, amount] of Object.entries(batch.counts))
      this.#rules[rule] = (this.#rules[rule] ?? 0) + amount;
    if (answer === undefined) return;
    const before = this.#events[batch.type];
    this.#events[batch.type] = {
      found: before.found + batch.events.length,
      accepted: before.accepted + answer.accepted,
      duplicates: before.duplicates + answer.duplicates,
      rejected: before.rejected + answer.rejected.length,
    };
    for (const { index, code, message } of answer.rejected) {
      this.#reject({ line: batch.lines[index] ?? 0, code, message });
    }
  }

  summary(): ImportSummary {
    return {
      lines: {
        read: this.#imported + this.#rejected + this.#skipped,
        imported: this.#imported,
        rejected: this.#rejected,
        skipped: this.#skipped,
      },
      events: { ...this.#events },
      rejectedByCode: { ...this.#rejectedByCode },
      rules: { ...this.#rules },
      examples: [...this.#examples],
    };
  }

  #reject(rejection: LineRejection): void {
    this.#rejectedByCode[rejection.code] = (this.#rejectedByCode[rejection.code] ?? 0) + 1;
    if (this.#examples.length < SUMMARY_EXAMPLES_MAX) this.#examples.push(rejection);
  }
}

const NO_EVENTS: EventTotals = { found: 0, accepted: 0, duplicates: 0, rejected: 0 };

/**
 * A summary in which what the door could see is replaced by what the tasks have decided: of the
 * events that became durable, how many were used and how many had come before.
 */
export function settled(
  summary: ImportSummary,
  type: EventType,
  decided: { readonly contributed: number; readonly duplicate: number; readonly refused: number },
): ImportSummary {
  const before = summary.events[type];
  return {
    ...summary,
    events: {
      ...summary.events,
      [type]: {
        ...before,
        accepted: decided.contributed,
        duplicates: decided.duplicate,
        rejected: before.rejected + decided.refused,
      },
    },
  };
}

/** The summary as lines of plain text, one fact each. */
export function summaryLines(summary: ImportSummary): string[] {
  const { lines } = summary;
  const text = [
    `lines: ${lines.read} read = ${lines.imported} imported + ${lines.rejected} rejected + ${lines.skipped} skipped`,
  ];
  for (const type of EVENT_TYPES) {
    const { found, accepted, duplicates, rejected } = summary.events[type];
    if (found === 0) continue;
    text.push(
      `${type} events: ${found} found = ${accepted} accepted + ${duplicates} duplicates + ${rejected} rejected`,
    );
  }
  for (const [rule, count] of Object.entries(summary.rules))
    text.push(`${rule.replaceAll('_', ' ')}: ${count}`);
  for (const [code, count] of Object.entries(summary.rejectedByCode))
    text.push(`rejected ${code}: ${count}`);
  for (const { line, code, message } of summary.examples)
    text.push(`line ${line}: ${code}: ${message}`);
  return text;
}
