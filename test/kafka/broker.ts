import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** Newest release, and the newest of the line before it. */
export const KAFKA_VERSIONS = ['4.4.0', '3.9.2'] as const;
export type KafkaVersion = (typeof KAFKA_VERSIONS)[number];

const POM = join(import.meta.dirname, 'pom.xml');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/weir-kafka');
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk';
/** Downloading some 100 MB of a release takes a minute. */
const FETCH_MS_MAX = 570_000;
const START_MS_MAX = 60_000;
const LOOK_MS = 50;

/** Why tests with a broker cannot run here; undefined when they can. */
export function whyNoBroker(): string | undefined {
  for (const [command, option] of [
    ['java', '-version'],
    ['mvn', '-version'],
  ] as const) {
    if (spawnSync(command, [option], { stdio: 'ignore' }).status !== 0)
      return `Tests with a Kafka broker are skipped: ${command} is not installed`;
  }
  return undefined;
}

/** The directory with the broker's jars; Maven fetches them the first time. */
function fetchKafka(version: KafkaVersion): string {
  const directory = join(CACHE, version);
  if (existsSync(directory)) return directory;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(join(CACHE, 'unfinished-'));
  const { status, stdout } = spawnSync(
    'mvn',
    [
      '--batch-mode',
      '--quiet',
      `-Dkafka.version=${version}`,
      '--file',
      POM,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${unfinished}`,
    ],
    { encoding: 'utf8', timeout: FETCH_MS_MAX },
  );
  if (status !== 0) throw new Error(`Maven could not fetch Apache Kafka ${version}: ${stdout}`);
  renameSync(unfinished, directory);
  return directory;
}

/** What a broker asks of its clients. */
export interface BrokerSecurity {
  /** PEM files: the certificates that it trusts, and its own key with certificate. */
  readonly caFile: string;
  readonly keyFile: string;
  readonly username: string;
  readonly password: string;
}

/** What programs connect to: one broker, or several that are one cluster. */
export interface Brokers {
  /** Host and port of each, with commas between them. */
  readonly address: string;
}

/** A broker among those of its cluster. */
export interface Place {
  /** Where the brokers listen; their controllers take the ports after these. */
  readonly ports: readonly number[];
  /** Which of them it is, from 0. */
  readonly index: number;
}

/** Apache Kafka in KRaft mode: one node, on loopback, with data in a directory of its own. */
export class Broker implements Brokers {
  readonly address: string;
  readonly #port: number;
  readonly #java: readonly string[];
  readonly #directory: string;
  readonly #properties: string;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(version: KafkaVersion, place: Place, security: BrokerSecurity | undefined) {
    const port = portOf(place);
    this.address = `127.0.0.1:${port}`;
    this.#port = port;
    this.#directory = mkdtempSync(join(tmpdir(), 'weir-kafka-'));
    this.#properties = join(this.#directory, 'server.properties');
    // A small heap and the quick compiler: the broker shares two cores with what it serves.
    this.#java = [
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      join(fetchKafka(version), '*'),
    ];
    const properties = {
      ...propertiesOf(place, join(this.#directory, 'data')),
      ...(security === undefined ? {} : securityOf(port, security)),
    };
    writeFileSync(
      this.#properties,
      Object.entries(properties)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
  }

  /** Starts an empty broker on `port`, with its controller on the next one. */
  static async start(
    version: KafkaVersion,
    port: number,
    security?: BrokerSecurity,
  ): Promise<Broker> {
    const broker = Broker.prepare(version, { ports: [port], index: 0 }, security);
    await broker.resume();
    return broker;
  }

  /** An empty broker that does not run yet. One of several answers when most of them run. */
  static prepare(version: KafkaVersion, place: Place, security?: BrokerSecurity): Broker {
    const broker = new Broker(version, place, security);
    const { status, stdout, stderr } = spawnSync(
      'java',
      [
        ...broker.#java,
        'kafka.tools.StorageTool',
        'format',
        '-t',
        CLUSTER_ID,
        '-c',
        broker.#properties,
        ...(security === undefined ? [] : scramUsers(security)),
      ],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`Kafka could not format its storage: ${stdout}${stderr}`);
    return broker;
  }

  /** Of the process that runs. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('Expected the broker to run');
    return pid;
  }

  /** Starts it with the data that it has, and waits until it answers. */
  async resume(): Promise<void> {
    this.#output = '';
    const child = spawn('java', [...this.#java, 'kafka.Kafka', this.#properties], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const keep = (text: Buffer): void => {
      this.#output = (this.#output + text.toString()).slice(-10_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const startedAtMs = performance.now();
    while (!(await answers(this.#port))) {
      if (child.exitCode !== null || performance.now() - startedAtMs > START_MS_MAX)
        throw new Error(`Kafka did not start: ${this.#output}`);
      await wait(LOOK_MS);
    }
  }

  /** Ends the process; the data stays. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

type Properties = Readonly<Record<string, string | number | boolean>>;

function portOf({ ports, index }: Place): number {
  const port = ports[index];
  if (port === undefined) throw new RangeError(`there are ${ports.length} brokers`);
  return port;
}

/** Everything is on all brokers, and acknowledged when it is on most of them. */
function propertiesOf(place: Place, directory: string): Properties {
  const port = portOf(place);
  const replicas = place.ports.length;
  const inSyncMin = Math.floor(replicas / 2) + 1;
  return {
    'process.roles': 'broker,controller',
    'node.id': place.index + 1,
    'controller.quorum.voters': place.ports
      .map((each, index) => `${index + 1}@127.0.0.1:${each + 1}`)
      .join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': directory,
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSyncMin,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSyncMin,
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
}

/** Clients come by TLS with a certificate of their own and log in; the broker's own way stays in the clear. */
function securityOf(
  port: number,
  { caFile, keyFile, username, password }: BrokerSecurity,
): Properties {
  const user = `username="${username}" password="${password}"`;
  const module = 'org.apache.kafka.common.security';
  return {
    listeners: `CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},OWN://127.0.0.1:${port + 2}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${port},OWN://127.0.0.1:${port + 2}`,
    'listener.security.protocol.map': 'CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT,OWN:PLAINTEXT',
    'inter.broker.listener.name': 'OWN',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.clients.plain.sasl.jaas.config': `${module}.plain.PlainLoginModule required ${user} user_${username}="${password}";`,
    'listener.name.clients.scram-sha-256.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'listener.name.clients.scram-sha-512.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'ssl.client.auth': 'required',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keyFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': caFile,
  };
}

function scramUsers({ username, password }: BrokerSecurity): readonly string[] {
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
}

/** Whether something listens on the port. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
