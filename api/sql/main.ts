import { pino, stdTimeFunctions } from 'pino';

import type { Admission } from '../../schemas/access.ts';
import type { SqlPort } from '../../schemas/ports.ts';
import { SYSTEM_CLOCK } from '../clock.ts';
import { Guard } from '../guard/guard.ts';
import { listenError, requireFree, urlOf } from '../listen.ts';
import type { Logger } from '../logger.ts';
import { createSqlServer } from './server.ts';

export interface SqlOptions {
  readonly sql: SqlPort;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly logger?: Logger;
  /** Who is let in; undefined for everybody who can reach the port. */
  readonly admission?: Admission | undefined;
}

export interface RunningSql {
  /** Where it listens, such as `http://127.0.0.1:8123`. */
  readonly url: string;
  /** Ends the statements that run, and the connections. */
  close(): Promise<void>;
}

const REMEDY = 'set clickhouse.sql_port to a free port, or clickhouse.sql to false';

/**
 * Checks that the port is free, before anything is opened that takes its time.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export function requireSqlPort(place: Pick<SqlOptions, 'host' | 'port'>): Promise<void> {
  return requireFree({ ...place, remedy: REMEDY });
}

/**
 * Starts ClickHouse's HTTP interface, read-only.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export async function startSql({
  sql,
  host,
  port,
  logger,
  admission,
}: SqlOptions): Promise<RunningSql> {
  const { server, close } = createSqlServer({
    sql,
    access: { hostNames: admission === undefined ? [] : 'any' },
    guard: admission === undefined ? undefined : new Guard(admission, SYSTEM_CLOCK),
    logger: logger ?? pino({ base: null, timestamp: stdTimeFunctions.isoTime }),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  }).catch((error: unknown) => {
    throw listenError(error, { host, port, remedy: REMEDY });
  });
  return { url: urlOf(server.address(), host), close };
}
