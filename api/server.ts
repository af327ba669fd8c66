import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import helmet from '@fastify/helmet';
import serveFiles from '@fastify/static';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, { type FastifyInstance, LogController } from 'fastify';

import type { Panel } from '../schemas/panel.ts';
import type { EnginePort } from '../schemas/ports.ts';
import { SECOND_MS } from '../schemas/time.ts';
import { type Access, accessRefusal } from './access.ts';
import { addAlertActions } from './alert-actions.ts';
import { AlertDesk, addAlerts } from './alerts.ts';
import { addAssignments } from './assignments.ts';
import { addAsyncApi } from './asyncapi.ts';
import { addAuditLog } from './audit-log.ts';
import { addBotDecisions } from './bot-decisions.ts';
import { addBots } from './bots.ts';
import { addCarts } from './carts.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import type { ComparisonSettings } from './comparisons.ts';
import { addEconomics } from './economics.ts';
import type { Guard } from './guard/guard.ts';
import { permissionOf } from './guard/route-permission.ts';
import { addHealth } from './health.ts';
import { type IngestLimits, addIngest } from './ingest.ts';
import { addLift } from './lift.ts';
import { addEventStream } from './live/events.ts';
import { LiveHub, type LiveLimits } from './live/hub.ts';
import { LIVE_PATH, serveSockets } from './live/socket.ts';
import type { Logger } from './logger.ts';
import { ApiMetrics } from './metrics.ts';
import { type PathSettings, addPaths } from './paths.ts';
import { addPipeline } from './pipeline.ts';
import { PROBLEMS, Problem, sendProblem } from './problem.ts';
import { addQueries } from './query.ts';
import { answerClientError, handleErrors, handleMissingRoutes } from './request-errors.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import { addSegments } from './segments.ts';

export interface ServerOptions {
  readonly engine: EnginePort;
  readonly panels: readonly Panel[];
  /** Directory of the built page; without one `/` says so. */
  readonly pageDir: string | undefined;
  readonly logger: Logger;
  readonly ingest: IngestLimits;
  readonly live: LiveLimits;
  readonly access: Access;
  /** Who is let in; undefined for everybody who can reach the port. */
  readonly guard?: Guard | undefined;
  readonly paths: PathSettings;
  /** What is compared without a holdout; absent: nothing. */
  readonly comparisons?: ComparisonSettings;
  /** Signs what other programs ask about alerts; undefined where none may. */
  readonly actionSecret?: string | undefined;
  readonly clock?: Clock;
}

const BAD_ADDRESS = {
  code: 'REQUEST_INVALID',
  status: PROBLEMS.REQUEST_INVALID,
  detail: 'Expected a well-formed address',
} as const;

/** Bodies outside the ingest are small JSON objects. */
const BODY_BYTES_MAX = 64 * 1_024;

/** A full batch over a slow mobile line; a client that trickles bytes is cut off after it. */
const REQUEST_TIMEOUT_MS = 120 * SECOND_MS;

/** Longest path parameter: an alert id, of which every character may be percent-encoded. */
const PARAMETER_LENGTH_MAX = 2_048;

/**
 * Live numbering of a process starts anywhere below it. Two processes meet with a chance of 1 in
 * 100,000 when each makes 100 changes a second for a year.
 */
const FIRST_SEQ_MAX = 2 ** 48 - 1;

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Builds the HTTP and WebSocket server without listening. It follows the engine from `ready()` to
 * `close()`, which also ends the live connections.
 */
export function createServer(options: ServerOptions): FastifyInstance {
  const { engine, panels, logger, access, guard, clock = SYSTEM_CLOCK } = options;
  const metrics = new ApiMetrics();
  const app = createApp({ logger, access, guard, metrics });

  const hub = new LiveHub({
    engine,
    panels,
    clock,
    limits: options.live,
    counter: metrics,
    firstSeq: randomInt(FIRST_SEQ_MAX),
  });
  const stopSockets = serveSockets({ server: app.server, hub, clock, access, guard, logger });
  app.addHook('onReady', async () => {
    hub.start();
  });
  app.addHook('preClose', async () => {
    stopSockets();
    hub.close();
    guard?.close();
  });

  addSecurityHeaders(app);
  addDocumentation(app);
  void app.register((scope, _pluginOptions, done) => {
    addIngest(scope, { engine, limits: options.ingest, clock });
    addQueries(scope, { engine, panels, clock });
    addLift(scope, { engine, clock, comparisons: options.comparisons });
    addAssignments(scope, { engine, clock });
    addEconomics(scope, { engine, clock });
    addCarts(scope, { engine, clock });
    addSegments(scope, { engine, clock });
    addBots(scope, { engine, clock });
    addBotDecisions(scope, { engine, guard });
    addPaths(scope, { engine, clock, settings: options.paths });
    addPipeline(scope, { engine, clock });
    const desk = new AlertDesk({ engine, hub, panels });
    addAlerts(scope, { desk, guard });
    addAuditLog(scope, { engine, clock });
    const { actionSecret: secret } = options;
    if (secret !== undefined) addAlertActions(scope, { desk, secret, clock });
    addEventStream(scope, { hub, panels, clock, guard });
    addHealth(scope, { engine, metrics });
    addAsyncApi(scope, panels);
    scope.get(LIVE_PATH, { schema: { hide: true } }, async () => {
      throw new Problem({
        code: 'UPGRADE_REQUIRED',
        detail: 'Connect with a WebSocket here, or read /v1/live/events',
        headers: { upgrade: 'websocket' },
      });
    });
    done();
  });
  addPage(app, options.pageDir);
  return app;
}

/** An HTTP server that answers errors as we do, and knows no route yet. */
function createApp(options: {
  readonly logger: Logger;
  readonly access: Access;
  readonly guard: Guard | undefined;
  readonly metrics: ApiMetrics;
}): FastifyInstance {
  const { logger, access, guard, metrics } = options;
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    // Fastify's own lines hold addresses with their queries; `observeRequests` writes ours.
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: (request) => requestIdOf(request.headers[REQUEST_ID_HEADER]),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // What still arrives while the server stops is answered; its connection is closed afterwards.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    // A parameter that is not known is an error, not something to drop in silence.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } },
    clientErrorHandler: answerClientError,
    // Thrown from here an error would end the process.
    frameworkErrors: (_error, request, reply) => {
      reply.header(REQUEST_ID_HEADER, request.id);
      sendProblem(reply, BAD_ADDRESS);
    },
  });
  // Schemas of answers are for types and documentation; a second pass over every row gains nothing.
  app.setSerializerCompiler(() => JSON.stringify);
  handleErrors(app);
  handleMissingRoutes(app);
  observeRequests(app, { access, guard, metrics });
  return app;
}

/** Builds the server of a process that only processes: health, metrics and its part of the pipeline. */
export function createOperationServer(options: {
  readonly engine: Pick<EnginePort, 'status' | 'metrics'>;
  readonly logger: Logger;
  readonly access: Access;
  readonly guard?: Guard | undefined;
}): FastifyInstance {
  const { engine, logger, access, guard } = options;
  const metrics = new ApiMetrics();
  const app = createApp({ logger, access, guard, metrics });
  app.addHook('preClose', async () => guard?.close());
  addSecurityHeaders(app);
  addPipeline(app, { engine, clock: SYSTEM_CLOCK });
  addHealth(app, { engine, metrics });
  return app;
}

/** Gives each answer its request id, keeps other sites' pages out, and leaves one debug line behind. */
function observeRequests(
  app: FastifyInstance,
  options: {
    readonly access: Access;
    readonly guard: Guard | undefined;
    readonly metrics: ApiMetrics;
  },
): void {
  const { access, guard, metrics } = options;
  app.addHook('onRequest', async (request, reply) => {
    reply.header(REQUEST_ID_HEADER, request.id);
    const { host, origin } = request.headers;
    // Reading needs no check of the origin: without CORS headers no other site's page sees the answer.
    const isSafe = SAFE_METHODS.has(request.method);
    const refusal = accessRefusal(access, { host, origin: isSafe ? undefined : origin });
    if (refusal !== undefined) throw new Problem(refusal);
    const permission = permissionOf(request.method, request.routeOptions.url);
    if (guard === undefined || permission === undefined) return;
    const { headers, ip: address } = request;
    const refused = guard.refusal({ headers, address, permission });
    if (refused !== undefined) throw new Problem(refused);
  });
  app.addHook('onResponse', async (request, reply) => {
    metrics.response(reply.statusCode);
    request.log.debug(
      {
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
      },
      'Answered a request',
    );
  });
}

function addSecurityHeaders(app: FastifyInstance): void {
  void app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'script-src': ["'self'"],
        // The documentation page and charts set styles on elements.
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'", 'data:'],
        // Covers the WebSocket too: `'self'` matches ws: on the same host and port.
        'connect-src': ["'self'"],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // Plain HTTP on the loopback address; a proxy that adds TLS adds this header.
    strictTransportSecurity: false,
  });
}

function addDocumentation(app: FastifyInstance): void {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Weir',
        version: '0.1.0',
        description: 'Events in, and the numbers of a shop as they change out.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'events', description: 'Taking events in' },
        { name: 'reads', description: 'Results, with how fresh they are' },
        { name: 'alerts', description: 'What needs a person' },
        { name: 'bots', description: 'What people decide about visitors' },
        { name: 'live', description: 'Results as they change; see also /asyncapi.json' },
        { name: 'operation', description: 'Health and metrics' },
      ],
    },
  });
  void app.register(swaggerUi, { routePrefix: '/docs' });
  void app.register((scope, _pluginOptions, done) => {
    scope.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
      reply.send(app.swagger()),
    );
    done();
  });
}

function addPage(app: FastifyInstance, pageDir: string | undefined): void {
  if (pageDir !== undefined && existsSync(join(pageDir, 'index.html'))) {
    void app.register(serveFiles, { root: pageDir, prefix: '/', decorateReply: false });
    return;
  }
  app.get('/', { schema: { hide: true } }, async () => {
    throw new Problem({
      code: 'NOT_FOUND',
      detail: 'The page is not built; run npm run build:page. The API is described at /docs',
    });
  });
}
