import type { FastifyInstance } from 'fastify';
import { pino, stdTimeFunctions } from 'pino';

import type { Admission } from '../schemas/access.ts';
import type { LiftComparison } from '../schemas/lift-method.ts';
import type { Panel } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { SECOND_MS } from '../schemas/time.ts';
import type { Access } from './access.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { Guard } from './guard/guard.ts';
import { type Place, listenError, requireFree, urlOf } from './listen.ts';
import type { Logger } from './logger.ts';
import { createOperationServer, createServer } from './server.ts';
import { type AlertConfig, startWebhooks } from './webhooks/start.ts';

/** The part of the configuration that the api needs, in the configuration's own words. */
export interface ApiConfig {
  readonly http: {
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number;
    readonly max_body_bytes: number;
  };
  readonly ingest: { readonly batch_events_max: number; readonly event_bytes_max: number };
  readonly live: { readonly clients_max: number; readonly buffered_bytes_max: number };
  /** Milliseconds. */
  readonly attribution: { readonly lookback: number };
  readonly sessions: { readonly gap: number };
  /** Absent where nothing is compared without a holdout. */
  readonly lift?: { readonly currency: string; readonly comparisons: readonly LiftComparison[] };
  /** Absent where nobody is told of alerts. */
  readonly alerts?: AlertConfig;
}

export interface ApiOptions {
  readonly config: ApiConfig;
  readonly engine: EnginePort;
  readonly panels: readonly Panel[];
  /** Directory of the built page, such as `dashboards/live/dist`. */
  readonly pageDir: string | undefined;
  /** File that remembers which alerts were told; undefined forgets at the end of the process. */
  readonly journalPath?: string | undefined;
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Who is let in; undefined for everybody who can reach the port. */
  readonly admission?: Admission | undefined;
  /** Names, beside localhost and IP addresses, under which browsers may reach this server. */
  readonly hostNames?: readonly string[];
}

export interface RunningApi {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops taking requests, lets those in progress finish, and ends the live connections. */
  close(): Promise<void>;
}

/** Requests in progress get this long at the end, within the five seconds a stop may take. */
const CLOSE_GRACE_MS = 2 * SECOND_MS;

/**
 * Starts the api.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, engine, panels, pageDir, admission, clock = SYSTEM_CLOCK } = options;
  const logger = options.logger ?? pino({ base: null, timestamp: stdTimeFunctions.isoTime });
  const app = createServer({
    engine,
    panels,
    pageDir,
    logger,
    ingest: {
      bodyBytesMax: config.http.max_body_bytes,
      eventBytesMax: config.ingest.event_bytes_max,
      eventsMax: config.ingest.batch_events_max,
    },
    live: {
      viewersMax: config.live.clients_max,
      bufferedBytesMax: config.live.buffered_bytes_max,
    },
    comparisons: {
      currency: config.lift?.currency ?? '',
      declared: config.lift?.comparisons ?? [],
    },
    paths: { lookbackMs: config.attribution.lookback, sessionGapMs: config.sessions.gap },
    actionSecret: config.alerts?.action_secret,
    ...guardedBy(admission, clock, options.hostNames),
    clock,
  });
  const api = await listen(app, config);
  const { alerts } = config;
  if (alerts === undefined) return api;
  const { journalPath } = options;
  const stop = startWebhooks({ config: { alerts }, engine, clock, logger, journalPath });
  return {
    ...api,
    close: async () => {
      stop?.();
      await api.close();
    },
  };
}

/**
 * Starts the server of a process that only processes: health, metrics and its part of the pipeline.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export function startOperation(options: {
  readonly config: Pick<ApiConfig, 'http'>;
  readonly engine: Pick<EnginePort, 'status' | 'metrics'>;
  readonly logger: Logger;
  /** Who is let in; undefined for everybody who can reach the port. */
  readonly admission?: Admission | undefined;
}): Promise<RunningApi> {
  const { config, engine, logger, admission } = options;
  const app = createOperationServer({ engine, logger, ...guardedBy(admission, SYSTEM_CLOCK) });
  return listen(app, config);
}

/**
 * Checks that the port of the api is free, before anything is opened that takes its time.
 *
 * @throws {EngineError} HTTP_PORT_IN_USE; CONFIG_INVALID when the address cannot be listened on
 */
export function requireApiPort({ http }: Pick<ApiConfig, 'http'>): Promise<void> {
  return requireFree(placeOf(http));
}

function placeOf({ host, port }: ApiConfig['http']): Place {
  return { host, port, remedy: 'set http.port to a free port' };
}

/** With keys the name that a request uses for the server no longer matters. */
function guardedBy(
  admission: Admission | undefined,
  clock: Clock,
  hostNames: readonly string[] = [],
): { readonly access: Access; readonly guard: Guard | undefined } {
  if (admission === undefined) return { access: { hostNames }, guard: undefined };
  return { access: { hostNames: 'any' }, guard: new Guard(admission, clock) };
}

async function listen(app: FastifyInstance, config: Pick<ApiConfig, 'http'>): Promise<RunningApi> {
  const { host, port } = config.http;
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, placeOf(config.http));
  }
  return {
    url: urlOf(app.server.address(), host),
    async close() {
      const timer = setTimeout(() => {
        app.server.closeAllConnections();
      }, CLOSE_GRACE_MS);
      await app.close();
      clearTimeout(timer);
    },
  };
}
