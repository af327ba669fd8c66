import { parseJson } from '../../schemas/events/batch.ts';
import { isObject } from '../../schemas/events/check-record.ts';
import { quote } from '../../schemas/events/rejection.ts';
import { EVENT_TYPES, type EventType } from '../../schemas/topics.ts';
import { BatchGatherer, type ImportBatch } from './batch.ts';
import { LINE_BYTES_MAX, type LineChunk, readLines, rejectionOfLost } from './lines.ts';

const BRACE_OPEN = 0x7b;
const COMMA = 0x2c;

/** How the lines of a mixed file start, as `weir simulate` writes them: the tag, up to its comma. */
const TAGS = EVENT_TYPES.map((type) => ({ type, start: Buffer.from(`{"event":"${type}",`) }));

/**
 * The events of an NDJSON file, one JSON object a line. A line says of which type it is with the
 * field `event`, which is not part of the event; `type` is for files whose lines do not. Lines keep
 * their order within a type.
 *
 * @throws {EngineError} IMPORT_FILE_UNREADABLE, IMPORT_FILE_DAMAGED, the latter after all that could be read
 */
export async function* readNdjson(
  file: string,
  options: { readonly type?: EventType } = {},
): AsyncGenerator<ImportBatch> {
  const gatherer = new BatchGatherer();
  const emptyType = options.type ?? 'click';
  let bytesRead = 0;
  try {
    for await (const chunk of readLines(file)) {
      bytesRead = chunk.bytesRead;
      gather(chunk, options.type, gatherer);
      if (gatherer.isFull) yield* gatherer.take(bytesRead, emptyType);
    }
  } catch (error) {
    yield* gatherer.take(bytesRead, emptyType);
    throw error;
  }
  yield* gatherer.take(bytesRead, emptyType);
}

function gather(
  chunk: LineChunk,
  defaultType: EventType | undefined,
  gatherer: BatchGatherer,
): void {
  const { bytes, starts, ends, firstLine, lost } = chunk;
  for (let index = 0; index < starts.length; index += 1) {
    const start = starts[index] ?? 0;
    const end = ends[index] ?? 0;
    const line = firstLine + index;
    if (isBlank(bytes, start, end)) {
      gatherer.skipLine();
      continue;
    }
    const result = readLine(bytes, start, end);
    if (result.kind === 'rejected') {
      gatherer.reject({ line, code: result.code, message: result.message });
      continue;
    }
    const type = result.type ?? defaultType;
    if (type !== undefined) {
      gatherer.add(type, result.event, line);
      continue;
    }
    gatherer.reject({
      line,
      code: 'IMPORT_EVENT_TYPE_UNKNOWN',
      message: `Expected a field event with one of ${EVENT_TYPES.join(', ')}, got nothing`,
    });
  }
  if (lost !== undefined) gatherer.reject(rejectionOfLost(lost));
}

type Line =
  | { readonly kind: 'ok'; readonly type: EventType | undefined; readonly event: unknown }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string };

function readLine(bytes: Buffer, start: number, end: number): Line {
  for (const tag of TAGS) {
    const tagEnd = start + tag.start.length;
    if (
      tagEnd < end &&
      bytes[tagEnd - 1] === COMMA &&
      bytes.compare(tag.start, 0, tag.start.length, start, tagEnd) === 0
    ) {
      // The brace moves to where the tag's comma was: the event is parsed without its tag and without a copy.
      bytes[tagEnd - 1] = BRACE_OPEN;
      const result = parseJson(bytes, { start: tagEnd - 1, end, eventBytesMax: LINE_BYTES_MAX });
      return result.kind === 'ok' ? { kind: 'ok', type: tag.type, event: result.event } : result;
    }
  }
  const result = parseJson(bytes, { start, end, eventBytesMax: LINE_BYTES_MAX });
  if (result.kind === 'rejected') return result;
  if (!isObject(result.event) || result.event['event'] === undefined) {
    return { kind: 'ok', type: undefined, event: result.event };
  }
  const { event: tag, ...event } = result.event;
  const type = EVENT_TYPES.find((known) => known === tag);
  if (type !== undefined) return { kind: 'ok', type, event };
  return {
    kind: 'rejected',
    code: 'IMPORT_EVENT_TYPE_UNKNOWN',
    message: `Expected event to be one of ${EVENT_TYPES.join(', ')}, got ${typeof tag === 'string' ? quote(tag) : 'another value'}`,
  };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}
