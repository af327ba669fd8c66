import { EngineError } from '../../schemas/errors.ts';
import { ContainerReader } from '../../schemas/events/container.ts';
import { quote } from '../../schemas/events/rejection.ts';
import { EVENT_TYPES, type EventType } from '../../schemas/topics.ts';
import { BatchGatherer, type ImportBatch } from './batch.ts';
import { readFileBytes } from './file-bytes.ts';

/**
 * The events of an Avro object container file. The name of the schema's record says of which type
 * they are (`Click`, `Order`, …, whatever its namespace), or `type` does.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE when it cannot be opened or read
 * @throws {EngineError} IMPORT_FILE_DAMAGED after the events before the damage: no container, cut off, or packed with an unknown codec
 * @throws {EngineError} IMPORT_OPTION_INVALID when neither the schema nor `type` says what the events are
 */
export async function* readAvro(
  file: string,
  options: { readonly type?: EventType } = {},
): AsyncGenerator<ImportBatch> {
  const reader = new ContainerReader();
  const gatherer = new BatchGatherer();
  const emptyType = options.type ?? 'click';
  let eventNumber = 0;
  let bytesRead = 0;
  try {
    for await (const piece of readFileBytes(file)) {
      bytesRead = piece.bytesRead;
      for (const { values, rejection } of reader.push(piece.bytes)) {
        for (const value of values) {
          eventNumber += 1;
          gatherer.add(options.type ?? typeOf(reader.schemaName, file), value, eventNumber);
        }
        if (rejection !== undefined) throw damaged(file, rejection.message);
        if (gatherer.isFull) yield* gatherer.take(bytesRead, emptyType);
      }
    }
    const rest = reader.end();
    if (rest !== undefined) throw damaged(file, rest.message);
  } catch (error) {
    yield* gatherer.take(bytesRead, emptyType);
    throw error;
  }
  yield* gatherer.take(bytesRead, emptyType);
}

function typeOf(schemaName: string | undefined, file: string): EventType {
  const type = EVENT_TYPES.find((known) => known === schemaName?.toLowerCase());
  if (type !== undefined) return type;
  throw new EngineError({
    code: 'IMPORT_OPTION_INVALID',
    kind: 'fatal',
    message: `Expected a schema named after one of ${EVENT_TYPES.join(', ')} or the option type, got ${quote(schemaName ?? '')} in ${file}`,
    details: { file },
  });
}

function damaged(file: string, message: string): EngineError {
  return new EngineError({
    code: 'IMPORT_FILE_DAMAGED',
    kind: 'fatal',
    message: `${message} (${file})`,
    details: { file },
  });
}
