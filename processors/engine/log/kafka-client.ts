import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import {
  type Admin,
  type Consumer,
  type ConsumerConfig,
  Kafka,
  type Producer,
  type ProducerConfig,
  type SASLOptions,
  logLevel,
} from 'kafkajs';

import { erase } from '../../../schemas/brand.ts';
import { EngineError, messageOf } from '../../../schemas/errors.ts';
import { KafkaSockets } from './kafka-sockets.ts';
import { installWire } from './kafka-wire.ts';

/** How to reach the brokers and who we are to them. */
export interface KafkaSettings {
  /** Each `host:port`. */
  readonly brokers: readonly string[];
  /** Names us in the brokers' logs and quotas, and is the name of our consumer group. */
  readonly clientId: string;
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  /** Undefined for connections in the clear. */
  readonly tls: TlsFiles | undefined;
}

/** PEM files, where the system's certificates are not enough and where a server asks for ours. */
export interface TlsFiles {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** What the files hold, as Node's TLS takes it. */
export function pemOf({ caFile, certFile, keyFile }: TlsFiles): {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
} {
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile, 'utf8') }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile, 'utf8') }),
  };
}

const CONNECT_MS = 3_000;
/** A broker that needs longer for an answer counts as away, and we ask again. */
const REQUEST_MS = 10_000;
/** Few and short: whoever asks through us has a back-off of its own and must hear of the trouble. */
const RETRY = { initialRetryTime: 100, retries: 4, maxRetryTime: 1_000 };

/** What makes clients of the brokers: each has connections of its own, which end when it is disconnected. */
export interface KafkaClients {
  producer(config: ProducerConfig): Producer;
  consumer(config: ConsumerConfig): Consumer;
  admin(): Admin;
}

/** Clients of these brokers; they connect when they are told to. */
export function kafkaClients(settings: KafkaSettings): KafkaClients {
  clampTimers();
  installWire();
  const { tls, sasl } = settings;
  const options = {
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    connectionTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    enforceRequestTimeout: true,
    retry: RETRY,
    // What goes wrong comes back as an error, and we say it in our own words.
    logLevel: logLevel.NOTHING,
    ...(tls === undefined ? {} : { ssl: pemOf(tls) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
  };
  function made<Client extends Producer | Consumer | Admin>(
    make: (kafka: Kafka) => Client,
  ): Client {
    const sockets = new KafkaSockets();
    const client = make(new Kafka({ ...options, socketFactory: sockets.create }));
    const disconnect = client.disconnect.bind(client);
    client.disconnect = () => disconnect().finally(() => sockets.end());
    return client;
  }
  return {
    producer: (config) => made((kafka) => kafka.producer(config)),
    consumer: (config) => made((kafka) => kafka.consumer(config)),
    admin: () => made((kafka) => kafka.admin()),
  };
}

function saslOf({
  mechanism,
  username,
  password,
}: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

/** What a queue of requests to one broker looks like inside kafkajs 2.2.4. */
interface RequestQueue {
  throttledUntil: number;
  pending: unknown[];
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

let areTimersClamped = false;

/**
 * A request queue of kafkajs looks again at once, over and over, when nothing waits in it: its timer
 * has a negative delay, which Node takes as 1 ms. With nothing waiting there is nothing to look for.
 *
 * @see https://github.com/tulios/kafkajs/issues/1751
 */
function clampTimers(): void {
  if (areTimersClamped) return;
  areTimersClamped = true;
  const load = createRequire(import.meta.url);
  const { prototype } = erase<{ readonly prototype: RequestQueue }>(
    load('kafkajs/src/network/requestQueue'),
  );
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending(this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/** Errors after which asking again is of no use until a person has changed something. */
const REFUSAL =
  /^(KafkaJSSASLAuthenticationError|\w+_AUTHORIZATION_FAILED|POLICY_VIOLATION|INVALID_REPLICATION_FACTOR)$/;

/** An error of the client as ours: refused for good, or unreachable for now. */
export function kafkaError(error: unknown, what: string): EngineError {
  if (error instanceof EngineError) return error;
  for (let each = error; each instanceof Error; each = each.cause) {
    const type = 'type' in each ? String(each.type) : '';
    if (REFUSAL.test(each.name) || REFUSAL.test(type)) {
      return new EngineError({
        code: 'KAFKA_REFUSED',
        kind: 'fatal',
        message: `Expected the Kafka broker to let us ${what}, got: ${each.message}`,
        cause: error,
      });
    }
  }
  return new EngineError({
    code: 'KAFKA_UNREACHABLE',
    kind: 'transient',
    message: `Expected a Kafka broker to let us ${what}, got: ${messageOf(error)}`,
    cause: error,
  });
}
