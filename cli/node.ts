import { join } from 'node:path';

import { requireApiPort, startApi } from '../api/main.ts';
import { type RunningSql, requireSqlPort, startSql } from '../api/sql/main.ts';
import { openPage } from '../dashboards/live/build.ts';
import type { Config } from '../processors/config.ts';
import { requireUnlocked } from '../processors/data-dir.ts';
import { Embedded } from '../processors/embedded.ts';
import { collectYoungOften } from '../processors/garbage-collection.ts';
import { openAdmission } from '../processors/key-ring.ts';
import { PANELS } from '../processors/panels.ts';
import type { Admission } from '../schemas/access.ts';
import { messageOf } from '../schemas/errors.ts';

/** A running Weir: engine and api in this process. */
export interface RunningNode {
  readonly engine: Embedded;
  readonly url: string;
  /** Where ClickHouse clients connect; undefined when that is turned off. */
  readonly sqlUrl: string | undefined;
  /** Resolves when the node should end: a signal came, or processing cannot go on because of `error`. */
  readonly ended: Promise<Ending>;
  close(): Promise<void>;
}

/** Why a node ends. */
export type Ending =
  | { readonly kind: 'signal' }
  | { readonly kind: 'defect'; readonly error: unknown };

/** Which alerts were told, in the data directory. */
const JOURNAL_FILE = 'webhooks.ndjson';

/** How long an orderly stop may take before the process ends anyway; a restart repeats what is missing. */
const STOP_MS_MAX = 10_000;

/** Opens the engine and the api, and arranges for an orderly stop on Ctrl-C and SIGTERM. */
export async function startNode(config: Config): Promise<RunningNode> {
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>();
  const admission = openAdmission(config);
  // In a directory that is in use the port mostly is, too, and to change that alone would not help.
  requireUnlocked(config.data_dir);
  await requirePorts(config);
  const engine = await Embedded.open(config, (error) => {
    process.stderr.write(`Processing stopped: ${messageOf(error)}\n`);
    end({ kind: 'defect', error });
  });
  collectYoungOften();
  try {
    const api = await startApi({
      config,
      engine,
      panels: PANELS,
      pageDir: await openPage(),
      logger: engine.logger,
      admission,
      journalPath: join(config.data_dir, JOURNAL_FILE),
    });
    const sql = await startSqlPort(config, engine, admission).catch(async (error: unknown) => {
      await api.close();
      throw error;
    });
    onSignals(() => end({ kind: 'signal' }));
    return {
      engine,
      url: api.url,
      sqlUrl: sql?.url,
      ended,
      close: async () => {
        setTimeout(endAtOnce, STOP_MS_MAX).unref();
        await Promise.all([api.close(), sql?.close()]);
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function startSqlPort(
  config: Config,
  engine: Embedded,
  admission: Admission | undefined,
): Promise<RunningSql | undefined> {
  const place = sqlPlaceOf(config);
  if (place === undefined) return undefined;
  const { logger, sql } = engine;
  return startSql({ sql, ...place, logger, admission });
}

/**
 * Checks that the ports are free that a node of this configuration listens on.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE, CONFIG_INVALID
 */
async function requirePorts(config: Config): Promise<void> {
  await requireApiPort(config);
  const place = sqlPlaceOf(config);
  if (place !== undefined) await requireSqlPort(place);
}

/** Where ClickHouse clients connect; undefined when they are not served, or ask a server. */
export function sqlPlaceOf(
  config: Config,
): { readonly host: string; readonly port: number } | undefined {
  const { url, sql: isOn, sql_port: port } = config.clickhouse;
  return isOn && url === undefined ? { host: config.http.host, port } : undefined;
}

/** Where a person finds what runs, one line each. */
export function addressLines({ url, sqlUrl }: RunningNode): string {
  const sql = sqlUrl === undefined ? '' : `ClickHouse clients: ${sqlUrl}\n`;
  return `Weir is at ${url}\n${sql}`;
}

/**
 * Runs one process of several until a signal comes or it cannot go on, and stops it in order.
 *
 * @param start opens it; call `end` when it cannot go on
 */
export async function runUntilEnded(
  start: (end: (error: unknown) => void) => Promise<{ readonly close: () => Promise<void> }>,
): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<Ending>();
  const running = await start((error) => resolve({ kind: 'defect', error }));
  onSignals(() => resolve({ kind: 'signal' }));
  const ending = await ended;
  setTimeout(endAtOnce, STOP_MS_MAX).unref();
  if (ending.kind === 'signal') return running.close();
  await running.close().catch(() => undefined);
  throw ending.error;
}

/** Ends the process by SIGKILL: `process.exit` waits for ClickHouse's threads, for ever if a statement runs. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** The first signal asks for an orderly stop, the second ends the process at once. */
export function onSignals(stop: () => void): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isStopping) endAtOnce();
      isStopping = true;
      stop();
    });
  }
}
