import type { Result } from './answer.ts';
import type { SqlRequest } from './request.ts';

/** What ClickHouse's client for Go, and with it Grafana's plugin, asks before anything else. */
const GREETING = 'SELECT displayName(), version(), revision(), timezone()';

/** From this revision of the protocol on a column says whether its values are written in a special way. */
const REVISION_WITH_SERIALISATION = 54_454;

/**
 * The answer to the greeting of ClickHouse's client for Go, in the form of the revision that the
 * client has named. It says that this server has revision 0, and from then on the client reads the
 * `Native` form that the engine writes.
 *
 * @see https://clickhouse.com/docs/native-protocol/server for the parts of a block
 */
export function greetingOf(
  { statement, format, protocolRevision }: SqlRequest,
  version: string,
): Result | undefined {
  if (statement.trim() !== GREETING || format !== 'Native' || protocolRevision === 0) {
    return undefined;
  }
  const serialisation = protocolRevision >= REVISION_WITH_SERIALISATION ? [Buffer.of(0)] : [];
  const column = (name: string, type: string, value: Buffer): Buffer =>
    Buffer.concat([textOf(name), textOf(type), ...serialisation, value]);
  return {
    kind: 'result',
    pieces: [
      BLOCK_INFO,
      // Four columns, one row.
      Buffer.of(4, 1),
      column('displayName()', 'String', textOf('weir')),
      column('version()', 'String', textOf(version)),
      column('revision()', 'UInt32', Buffer.alloc(4)),
      column('timezone()', 'String', textOf('UTC')),
    ],
    format,
    contentType: 'application/octet-stream',
    rowCount: 1,
    durationMs: 0,
  };
}

/** Field 1: no overflow; field 2: bucket −1; the end. */
const BLOCK_INFO = Buffer.of(1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0);

/** A short text with its length in front. */
function textOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
