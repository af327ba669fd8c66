import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { readAvroBatch, splitJson } from '../schemas/events/batch.ts';
import type { EnginePort, IngestAnswer, Refusal } from '../schemas/ports.ts';
import { EVENT_TYPES, type EventType } from '../schemas/topics.ts';
import { IngestAnswerSchema, problemAnswers } from './answers.ts';
import { decodeBody, expandedBytesMax, tooLarge } from './body.ts';
import type { Clock } from './clock.ts';
import { IdempotentAnswers } from './idempotency.ts';
import { Problem, sendProblem } from './problem.ts';

export interface IngestLimits {
  /** Size of a body, before and after decompression. */
  readonly bodyBytesMax: number;
  readonly eventBytesMax: number;
  readonly eventsMax: number;
}

const JSON_TYPES = ['application/json', 'application/x-ndjson', 'application/ndjson'];
const AVRO_TYPES: ReadonlySet<string> = new Set([
  'application/avro',
  'avro/binary',
  'application/octet-stream',
]);

/**
 * Bodies that may be in memory at once, in units of the largest one; what parsing makes of them has a
 * bound of its own, which the engine knows.
 */
const BODIES_IN_FLIGHT_MAX = 32;

const BUSY_RETRY_AFTER_SECONDS = '1';

/** Names of imports end up in file names and metrics of the engine. */
const IMPORT_NAME = /^[A-Za-z0-9._-]{1,64}$/;

interface IngestRoute {
  readonly Params: { readonly type: string };
}

/** Adds `POST /v1/events/{type}`: the door for events. */
export function addIngest(
  app: FastifyInstance,
  options: { readonly engine: EnginePort; readonly limits: IngestLimits; readonly clock: Clock },
): void {
  const { engine, limits, clock } = options;
  const answers = new IdempotentAnswers<IngestAnswer>(clock);
  const reserved = new Reservations(BODIES_IN_FLIGHT_MAX * limits.bodyBytesMax);
  const reservations = new WeakMap<object, Reservation>();

  void app.register((scope, _pluginOptions, done) => {
    scope.removeAllContentTypeParsers();
    // The body is bytes here and is split below; the schemas are for the documentation.
    scope.setValidatorCompiler(() => () => true);
    scope.addContentTypeParser(
      [...JSON_TYPES, ...AVRO_TYPES],
      { parseAs: 'buffer', bodyLimit: limits.bodyBytesMax },
      (_request, body, parsed) => {
        parsed(null, body);
      },
    );
    scope.post<IngestRoute>(
      '/v1/events/:type',
      {
        schema: documentation(limits),
        bodyLimit: limits.bodyBytesMax,
        // Before the body is read: what cannot be taken need not be sent.
        onRequest: async (request, reply) => {
          eventTypeOf(request.params.type);
          const bytes = announcedBytes(request, limits.bodyBytesMax);
          if (bytes > limits.bodyBytesMax) throw tooLarge(limits.bodyBytesMax);
          const refusal = engine.refusal(reserved.bytes + bytes);
          if (refusal !== undefined) return sendRefusal(reply, refusal);
          const reservation = reserved.take(bytes);
          reservations.set(request.raw, reservation);
          reply.raw.once('close', () => reservation.shrinkTo(0));
          return undefined;
        },
      },
      async (request, reply) => {
        const batch = await readBatch(request, limits.bodyBytesMax);
        if (!AVRO_TYPES.has(batch.mediaType))
          reservations.get(request.raw)?.shrinkTo(batch.body.length);
        const work = async (): Promise<IngestAnswer> => takeBatch(engine, batch, limits);
        const key = request.headers['idempotency-key'];
        const answer =
          typeof key === 'string'
            ? await answers.once(
                key,
                [batch.type, batch.mediaType, batch.importName ?? '', batch.body],
                work,
              )
            : await work();
        if (answer.accepted + answer.duplicates === 0) throw nothingUsable(answer);
        return reply.code(202).send(answer);
      },
    );
    done();
  });
}

/** One request's worth of events, as bytes. */
interface Batch {
  readonly type: EventType;
  readonly mediaType: string;
  readonly importName: string | undefined;
  readonly body: Buffer;
}

async function readBatch(
  request: FastifyRequest<IngestRoute>,
  bodyBytesMax: number,
): Promise<Batch> {
  const sent = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const body = await decodeBody(sent, request.headers['content-encoding'], bodyBytesMax);
  if (body.length === 0) throw bodyEmpty();
  return {
    type: eventTypeOf(request.params.type),
    mediaType: mediaTypeOf(request),
    importName: importNameOf(request),
    body,
  };
}

/** Gives the readable part of a batch to the engine and puts both lists of rejections together. */
async function takeBatch(
  engine: EnginePort,
  { type, mediaType, importName, body }: Batch,
  limits: IngestLimits,
): Promise<IngestAnswer> {
  const split = AVRO_TYPES.has(mediaType) ? readAvroBatch(body, limits) : splitJson(body, limits);
  if (split.values.length === 0) {
    if (split.rejected.length === 0) throw bodyEmpty();
    return { accepted: 0, duplicates: 0, rejected: split.rejected };
  }
  const answer = await engine.ingest(
    type,
    split.values.map(({ value }) => value),
    importName === undefined ? {} : { importName },
  );
  // The engine counts within the values it was given; the caller within the batch it sent.
  const refused = answer.rejected.map((rejection) => ({
    index: split.values[rejection.index]?.index ?? rejection.index,
    code: rejection.code,
    message: rejection.message,
  }));
  return {
    accepted: answer.accepted,
    duplicates: answer.duplicates,
    rejected: [...split.rejected, ...refused].toSorted((a, b) => a.index - b.index),
  };
}

function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return sendProblem(reply, {
    code: refusal.code,
    status: refusal.status,
    detail: refusal.message,
    headers: { 'retry-after': String(refusal.retryAfterSeconds) },
  });
}

function bodyEmpty(): Problem {
  return new Problem({ code: 'BODY_EMPTY', detail: 'Expected at least one event' });
}

function nothingUsable(answer: IngestAnswer): Problem {
  const [first] = answer.rejected;
  return new Problem({
    code: 'NOTHING_USABLE',
    detail: `No event of the batch could be taken; the first: ${first?.message ?? 'none given'}`,
    members: { ...answer },
  });
}

function eventTypeOf(text: string): EventType {
  const type = EVENT_TYPES.find((candidate) => candidate === text);
  if (type !== undefined) return type;
  throw new Problem({
    code: 'EVENT_TYPE_UNKNOWN',
    detail: `Expected an event type among ${EVENT_TYPES.join(', ')}`,
  });
}

function mediaTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function importNameOf(request: FastifyRequest): string | undefined {
  const name = request.headers['weir-import'];
  if (name === undefined) return undefined;
  if (typeof name === 'string' && IMPORT_NAME.test(name)) return name;
  throw new Problem({
    code: 'IMPORT_NAME_INVALID',
    detail: 'Expected weir-import to be 1 to 64 letters, digits, dots, dashes or underscores',
  });
}

/** What a request says its body will take, unpacked; a body that does not say counts as the largest. */
function announcedBytes(request: FastifyRequest, bytesMax: number): number {
  const { 'content-length': length, 'content-encoding': encoding } = request.headers;
  if (length === undefined)
    return request.headers['transfer-encoding'] === undefined ? 0 : bytesMax;
  const bytes = Number(length);
  const isPacked = encoding !== undefined || AVRO_TYPES.has(mediaTypeOf(request));
  return isPacked && bytes <= bytesMax ? Math.min(bytesMax, expandedBytesMax(bytes)) : bytes;
}

/** Bounds the bytes of all bodies that are being read and worked on. */
class Reservations {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): Reservation {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new Problem({
        code: 'INGEST_BUSY',
        detail: 'Too many batches are being taken at the moment',
        headers: { 'retry-after': BUSY_RETRY_AFTER_SECONDS },
      });
    }
    this.#bytes += bytes;
    let held = bytes;
    return {
      shrinkTo: (needed) => {
        const given = Math.max(0, held - needed);
        held -= given;
        this.#bytes -= given;
      },
    };
  }
}

/** Room for one body. */
interface Reservation {
  /** Gives back what is not needed; 0 gives back all. */
  shrinkTo(bytes: number): void;
}

function documentation(limits: IngestLimits): Record<string, unknown> {
  const events = {
    schema: { type: 'string', format: 'binary' },
  };
  return {
    tags: ['events'],
    summary: 'Take events in',
    description:
      `Up to ${limits.eventsMax} events and ${limits.bodyBytesMax} bytes: a JSON array or object, one JSON ` +
      'object per line, or an Avro object container file; gzip is accepted. Answers once the events are ' +
      'durable. The good events of a batch are taken although others are rejected.',
    params: Type.Object({ type: Type.String({ enum: [...EVENT_TYPES] }) }),
    headers: Type.Object({
      'idempotency-key': Type.Optional(
        Type.String({ description: 'A repeat with the same key gets the first answer' }),
      ),
      'weir-import': Type.Optional(
        Type.String({ description: 'Name of an import of history: its events are never too late' }),
      ),
    }),
    body: {
      content: Object.fromEntries(
        [...JSON_TYPES, ...AVRO_TYPES].map((mediaType) => [
          mediaType,
          JSON_TYPES.includes(mediaType) ? { schema: {} } : events,
        ]),
      ),
    },
    response: {
      202: {
        description: 'What became of the events',
        content: { 'application/json': { schema: IngestAnswerSchema } },
      },
      ...problemAnswers(400, 404, 413, 415, 422, 429, 503, 507),
    },
  };
}
