import { Agent as PlainAgent, type IncomingMessage, request as requestPlain } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';

import { EngineError, messageOf } from '../../../schemas/errors.ts';
import { isObject } from '../../../schemas/events/check-record.ts';
import type { RegisteredSchema } from '../../../schemas/events/confluent.ts';
import { type TlsFiles, pemOf } from './kafka-client.ts';

/** Where the registry is and who we are to it. */
export interface RegistrySettings {
  /** `http` or `https`, perhaps with a path before the registry's own. */
  readonly url: string;
  readonly login: { readonly username: string; readonly password: string } | undefined;
  readonly tls: TlsFiles;
}

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
/** A registry that needs longer for an answer counts as away. */
const ANSWER_MS_MAX = 5_000;
/** Largest answer: a schema of some hundred fields has 50 KB. */
const ANSWER_BYTES_MAX = 4 * 1_024 * 1_024;
/** Short trouble is passed over here; whoever asks has its own way with longer trouble. */
const TRIES = 3;
const RETRY_MS = 200;

/**
 * A client of a schema registry with Confluent's interface.
 *
 * @see Confluent Schema Registry API reference
 */
export class SchemaRegistry {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #send: typeof requestPlain;
  readonly #agent: PlainAgent;

  constructor({ url, login, tls }: RegistrySettings) {
    this.#base = url.replace(/\/+$/, '');
    const isTls = url.startsWith('https:');
    this.#send = isTls ? requestTls : requestPlain;
    this.#agent = isTls
      ? new TlsAgent({ keepAlive: true, ...pemOf(tls) })
      : new PlainAgent({ keepAlive: true });
    const basic =
      login && Buffer.from(`${login.username}:${login.password}`, 'utf8').toString('base64');
    this.#headers = {
      accept: MEDIA_TYPE,
      'content-type': MEDIA_TYPE,
      ...(basic === undefined ? {} : { authorization: `Basic ${basic}` }),
    };
  }

  /**
   * The schema with this id; undefined when the registry has none.
   *
   * @throws {EngineError} SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
   */
  async schemaById(id: number): Promise<RegisteredSchema | undefined> {
    const answer = await this.#ask('GET', `/schemas/ids/${id}`);
    if (answer === undefined) return undefined;
    return { id, ...schemaOf(answer) };
  }

  /**
   * Every version of the subject, oldest first; none when it has not been published.
   *
   * @throws {EngineError} SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
   */
  async versionsOf(
    subject: string,
  ): Promise<readonly (RegisteredSchema & { readonly version: number })[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const numbers = await this.#ask('GET', path);
    if (numbers === undefined) return [];
    if (!Array.isArray(numbers)) throw wrongAnswer('a list of versions');
    const versions = [];
    for (const number of numbers) {
      const answer = await this.#ask('GET', `${path}/${Number(number)}`);
      if (answer === undefined) continue;
      versions.push({ version: Number(number), id: numberOf(answer, 'id'), ...schemaOf(answer) });
    }
    return versions;
  }

  /**
   * From now on a version of the subject must read everything that any earlier one has written.
   *
   * @throws {EngineError} SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
   */
  async requireBackwardTransitive(subject: string): Promise<void> {
    await this.#ask('PUT', `/config/${encodeURIComponent(subject)}`, {
      compatibility: 'BACKWARD_TRANSITIVE',
    });
  }

  /**
   * Makes the schema the newest version of the subject, unless it is a version of it already.
   *
   * @returns its id
   * @throws {EngineError} SCHEMA_REGISTRY_UNREACHABLE, SCHEMA_REGISTRY_REFUSED
   */
  async register(subject: string, schema: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    return numberOf(await this.#ask('POST', path, { schema, schemaType: 'AVRO' }), 'id');
  }

  /** Lets go of open connections. */
  close(): void {
    this.#agent.destroy();
  }

  /** The parsed answer; undefined when there is no such thing. */
  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#askOnce(method, path, body);
      } catch (error) {
        const known = error instanceof EngineError ? error : unreachable(messageOf(error), error);
        if (known.kind !== 'transient' || tries === TRIES) throw known;
        await wait(tries * RETRY_MS);
      }
    }
  }

  async #askOnce(method: string, path: string, body: unknown): Promise<unknown> {
    const { status, text } = await this.#exchange(
      method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
    );
    // Answers of proxies that know nothing of schemas are HTML, and no reason to give a record up.
    const answer = parseJson(text);
    if (status === 200 && answer !== undefined) return answer;
    const said = isObject(answer) ? String(answer['message']).slice(0, 300) : `status ${status}`;
    if (status === 404 && isObject(answer) && /^404\d\d$/.test(String(answer['error_code'])))
      return undefined;
    if ([401, 403, 409, 422].includes(status)) {
      throw new EngineError({
        code: 'SCHEMA_REGISTRY_REFUSED',
        kind: 'fatal',
        message: `Expected the schema registry to take ${method} ${path}, got status ${status}: ${said}`,
        details: { status },
      });
    }
    throw unreachable(`${said} (status ${status})`);
  }

  #exchange(
    method: string,
    path: string,
    body: string | undefined,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{
      readonly status: number;
      readonly text: string;
    }>();
    const sent = this.#send(
      this.#base + path,
      {
        method,
        agent: this.#agent,
        headers: this.#headers,
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      },
      (answer) => {
        textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject);
      },
    );
    sent.once('error', reject);
    sent.end(body);
    return promise;
  }
}

function textOf(answer: IncomingMessage): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const pieces: Buffer[] = [];
  let bytes = 0;
  answer.on('data', (piece: Buffer) => {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) answer.destroy(wrongAnswer(`at most ${ANSWER_BYTES_MAX} bytes`));
  });
  answer.once('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
  answer.once('error', reject);
  return promise;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function schemaOf(answer: unknown): { readonly type: string; readonly schema: string } {
  if (!isObject(answer) || typeof answer['schema'] !== 'string') throw wrongAnswer('a schema');
  const { schema, schemaType } = answer;
  // The registry leaves the type out where it is Avro.
  return { type: typeof schemaType === 'string' ? schemaType : 'AVRO', schema };
}

function numberOf(answer: unknown, name: string): number {
  const value = isObject(answer) ? answer[name] : undefined;
  if (typeof value !== 'number') throw wrongAnswer(`a number ${name}`);
  return value;
}

function wrongAnswer(expected: string): EngineError {
  return unreachable(`an answer without ${expected}`);
}

function unreachable(got: string, cause?: unknown): EngineError {
  return new EngineError({
    code: 'SCHEMA_REGISTRY_UNREACHABLE',
    kind: 'transient',
    message: `Expected an answer of the schema registry, got: ${got}`,
    cause,
  });
}
