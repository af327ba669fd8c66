import type { FastifyBaseLogger } from 'fastify';

/** Where the api writes its log lines: constant messages, data in fields, no payloads. */
export type Logger = FastifyBaseLogger;
