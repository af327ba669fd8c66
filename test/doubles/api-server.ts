import { Writable } from 'node:stream';

import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';

import { type ServerOptions, createServer } from '../../api/server.ts';
import type { EnginePort } from '../../schemas/ports.ts';
import { DAY_MS, MINUTE_MS } from '../../schemas/time.ts';
import { MemoryEngine } from './memory-engine.ts';

const KIB = 1_024;

/** A server over a memory engine with small limits, and the lines it has logged. */
export function openServer(
  options: Partial<ServerOptions> & { readonly engine?: MemoryEngine } = {},
): {
  readonly app: FastifyInstance;
  readonly engine: MemoryEngine;
  readonly logged: string[];
} {
  const engine = options.engine ?? new MemoryEngine();
  return { engine, ...serverOver(engine, options) };
}

/** A server over any engine with small limits, and the lines it has logged. */
export function serverOver(
  engine: EnginePort,
  options: Partial<ServerOptions> = {},
): { readonly app: FastifyInstance; readonly logged: string[] } {
  const logged: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  const app = createServer({
    panels: [],
    pageDir: undefined,
    logger: pino({ level: 'debug' }, destination),
    ingest: { bodyBytesMax: 4 * KIB * KIB, eventBytesMax: KIB * KIB, eventsMax: 1_000 },
    live: { viewersMax: 100, bufferedBytesMax: 64 * KIB },
    access: { hostNames: [] },
    paths: { lookbackMs: 30 * DAY_MS, sessionGapMs: 30 * MINUTE_MS },
    ...options,
    engine,
  });
  return { app, logged };
}
