import { type IncomingMessage, type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { json } from 'node:stream/consumers';

import avro from 'avsc';

import { erase } from '../../schemas/brand.ts';
import { isObject } from '../../schemas/events/check-record.ts';

/** A schema of a subject, as the registry keeps it. */
interface Version {
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

/** What the registry answers: a status, and a value as JSON. */
interface Answer {
  readonly status: number;
  readonly value: unknown;
}

const LEVELS: ReadonlySet<string> = new Set([
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FULL',
  'FULL_TRANSITIVE',
]);

/**
 * A schema registry with Confluent's interface, in memory: subjects with versions, one id for one
 * schema, compatibility per subject. For tests, and for trying producers out:
 *
 *     node test/doubles/schema-registry.ts 8081
 */
export class SchemaRegistryDouble {
  /** Requests that came, such as `GET /schemas/ids/1`. */
  readonly requests: string[] = [];
  /** Set to make it ill: it answers with this instead. */
  trouble: { readonly status: number; readonly body: string } | undefined;
  /** Set to ask for a login: the value of the header that is let in. */
  authorization: string | undefined;
  readonly #subjects = new Map<string, Version[]>();
  readonly #schemas = new Map<number, string>();
  readonly #levels = new Map<string, string>();
  #server: Server | undefined;

  /** Listens on loopback, with key and certificate by TLS; port 0 takes a free one. */
  async listen(port = 0, tls?: { readonly key: string; readonly cert: string }): Promise<string> {
    const answer: RequestListener = (request, response) => {
      void this.#answer(request).then(({ status, value }) => {
        response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
        response.end(typeof value === 'string' ? value : JSON.stringify(value));
      });
    };
    const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${typeof address === 'object' ? address?.port : port}`;
  }

  /** Stops listening; what it knows stays, and it can listen again. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { method = '', url = '' } = request;
    this.requests.push(`${method} ${url}`);
    if (this.trouble !== undefined)
      return { status: this.trouble.status, value: this.trouble.body };
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization)
      return problem(401, 401, 'Unauthorized');
    const body: unknown = method === 'GET' ? undefined : await json(request).catch(() => undefined);
    const [area = '', first = '', second = '', third = ''] = url
      .split('?')[0]
      ?.split('/')
      .slice(1)
      .map(decodeURIComponent) ?? [''];
    if (area === 'schemas' && first === 'ids') return this.#schema(Number(second));
    if (area === 'config') return this.#config(first, method, body);
    if (area === 'compatibility') return this.#compatibility(second, body);
    if (area === 'subjects' && first === '') return ok([...this.#subjects.keys()]);
    if (area === 'subjects' && second === 'versions' && method === 'POST')
      return this.#register(first, body);
    if (area === 'subjects' && second === 'versions') return this.#version(first, third);
    if (area === 'subjects' && method === 'POST') return this.#lookUp(first, body);
    return problem(404, 404, 'HTTP 404 Not Found');
  }

  #schema(id: number): Answer {
    const schema = this.#schemas.get(id);
    return schema === undefined ? problem(404, 40_403, 'Schema not found') : ok({ schema });
  }

  #config(subject: string, method: string, body: unknown): Answer {
    if (method === 'GET')
      return ok({
        compatibilityLevel: this.#levels.get(subject) ?? this.#levels.get('') ?? 'BACKWARD',
      });
    const level = isObject(body) ? String(body['compatibility']) : '';
    if (!LEVELS.has(level)) return problem(422, 42_203, 'Invalid compatibility level');
    this.#levels.set(subject, level);
    return ok({ compatibility: level });
  }

  #version(subject: string, version: string): Answer {
    const versions = this.#subjects.get(subject);
    if (versions === undefined) return problem(404, 40_401, `Subject '${subject}' not found.`);
    if (version === '') return ok(versions.map((each) => each.version));
    const found =
      version === 'latest'
        ? versions.at(-1)
        : versions.find((each) => each.version === Number(version));
    return found === undefined
      ? problem(404, 40_402, `Version ${version} not found.`)
      : ok({ subject, ...found });
  }

  #lookUp(subject: string, body: unknown): Answer {
    const versions = this.#subjects.get(subject);
    if (versions === undefined) return problem(404, 40_401, `Subject '${subject}' not found.`);
    const schema = schemaOf(body);
    const found = versions.find((each) => each.schema === schema);
    return found === undefined
      ? problem(404, 40_403, 'Schema not found')
      : ok({ subject, ...found });
  }

  #compatibility(subject: string, body: unknown): Answer {
    const schema = schemaOf(body);
    if (schema === undefined) return problem(422, 42_201, 'Invalid schema');
    return ok({ is_compatible: this.#isCompatible(subject, schema) });
  }

  #register(subject: string, body: unknown): Answer {
    const schema = schemaOf(body);
    if (schema === undefined) return problem(422, 42_201, 'Invalid schema');
    const versions = this.#subjects.get(subject) ?? [];
    const known = versions.find((each) => each.schema === schema);
    if (known !== undefined) return ok({ id: known.id });
    if (!this.#isCompatible(subject, schema))
      return problem(409, 409, `Schema being registered is incompatible with subject "${subject}"`);
    const [same] = [...this.#schemas].find(([, each]) => each === schema) ?? [];
    const id = same ?? this.#schemas.size + 1;
    this.#schemas.set(id, schema);
    this.#subjects.set(subject, [...versions, { version: versions.length + 1, id, schema }]);
    return ok({ id });
  }

  #isCompatible(subject: string, schema: string): boolean {
    const level = this.#levels.get(subject) ?? this.#levels.get('') ?? 'BACKWARD';
    const versions = this.#subjects.get(subject) ?? [];
    const compared = level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1);
    return compared.every(
      (each) =>
        (level === 'NONE' || level === 'FORWARD' || canRead(schema, each.schema)) &&
        (!/^(FORWARD|FULL)/.test(level) || canRead(each.schema, schema)),
    );
  }
}

function ok(value: unknown): Answer {
  return { status: 200, value };
}

function problem(status: number, code: number, message: string): Answer {
  return { status, value: { error_code: code, message } };
}

function typeOf(schema: unknown): avro.Type {
  return avro.Type.forSchema(erase(schema));
}

function canRead(reader: string, writer: string): boolean {
  try {
    const [reads, written] = [reader, writer].map((each) => typeOf(JSON.parse(each)));
    return written !== undefined && reads?.createResolver(written) !== undefined;
  } catch {
    return false;
  }
}

/** The schema of a request in one form, so that the same schema is the same text; undefined when it is none. */
function schemaOf(body: unknown): string | undefined {
  if (!isObject(body) || typeof body['schema'] !== 'string') return undefined;
  try {
    const schema: unknown = JSON.parse(body['schema']);
    typeOf(schema);
    return JSON.stringify(schema);
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const url = await new SchemaRegistryDouble().listen(Number(process.argv[2] ?? 8_081));
  process.stdout.write(`Schema registry in memory: ${url}\n`);
}
