import type { EventType } from '../../schemas/topics.ts';
import { type AccessLogOptions, readAccessLog } from './access-log.ts';
import { readAvro } from './avro.ts';
import type { ImportBatch } from './batch.ts';
import { readNdjson } from './ndjson.ts';
import { type OrdersCsvOptions, readOrdersCsv } from './orders-csv.ts';

/** A kind of file and how to read it: plain data, so that it can be handed to another thread. */
export type ReaderChoice =
  | { readonly format: 'orders-csv'; readonly options: OrdersCsvOptions }
  | { readonly format: 'access-log'; readonly options: AccessLogOptions }
  | { readonly format: 'ndjson' | 'avro'; readonly options: { readonly type?: EventType } };

/**
 * The events of `file`, in batches.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE, IMPORT_FILE_DAMAGED, the latter after all that could be read
 */
export function readFileAs(choice: ReaderChoice, file: string): AsyncGenerator<ImportBatch> {
  switch (choice.format) {
    case 'orders-csv':
      return readOrdersCsv(file, choice.options);
    case 'access-log':
      return readAccessLog(file, choice.options);
    case 'ndjson':
      return readNdjson(file, choice.options);
    case 'avro':
      return readAvro(file, choice.options);
  }
}
