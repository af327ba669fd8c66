import type { PackedBatch } from '../../processors/door-in-thread.ts';
import type { Embedded } from '../../processors/embedded.ts';
import type { EngineError, ErrorCode, ErrorKind } from '../../schemas/errors.ts';
import type { IngestAnswer } from '../../schemas/ports.ts';
import type { EventType } from '../../schemas/topics.ts';
import type { ReaderChoice } from './readers.ts';
import type { ImportSummary } from './summary.ts';

/** What the thread that reads a file begins with. Holds the token secret: never log it. */
export interface ImportJob {
  readonly file: string;
  readonly choice: ReaderChoice;
  readonly importName: string;
  readonly door: Embedded['doorSettings'];
}

/** What the thread says. */
export type ImportReport =
  | { readonly kind: 'append'; readonly id: number; readonly batches: readonly PackedBatch[] }
  | { readonly kind: 'answered'; readonly type: EventType; readonly answer: IngestAnswer }
  | { readonly kind: 'read'; readonly bytesRead: number }
  | {
      readonly kind: 'end';
      readonly summary: ImportSummary;
      /** Why the file was not read to its end. */
      readonly failure: SentError | undefined;
    };

/** What the thread is told: that the batches of an `append` are durable, or why not. */
export interface AppendResult {
  readonly id: number;
  readonly failure: SentError | undefined;
}

/** An expected error on its way to another thread, where its class would be lost. */
export interface SentError {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly message: string;
}

export function sentError({ code, kind, message }: EngineError): SentError {
  return { code, kind, message };
}
