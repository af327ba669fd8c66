import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../../schemas/time.ts';
import { type ServerProcess, startServerProcess } from '../../test/clickhouse/server-process.ts';
import type { Broker } from '../../test/kafka/broker.ts';
import { Settling, pipelineStatus } from './pipeline-status.ts';
import { NODE_PORT, startBroker } from './scene.ts';
import { PARTITIONS } from './shop-producer.ts';

const WEIR = join(import.meta.dirname, '../../cli/weir.js');
/** The same for all processes of a group. */
const SECRET = '0123456789abcdef0123456789abcdef';
const LOOK_MS = 50;
/** Longer than Kafka takes to miss a dead process and a large partition to be restored. */
const JOIN_MS_MAX = 120 * SECOND_MS;

/** `weir processor` in a process of its own. */
export interface Processor {
  readonly url: string;
  readonly pid: number;
  /** What it has logged. */
  log(): string;
  /** Ends it at once; resolves when it is gone. */
  kill(): Promise<void>;
}

/** A broker, a ClickHouse server, and processors that share them. */
export class Processors {
  readonly broker: Broker;
  readonly clickHouse: ServerProcess;
  readonly #directory: string;
  #running: readonly Processor[] = [];
  #count = 0;

  private constructor(broker: Broker, clickHouse: ServerProcess, directory: string) {
    this.broker = broker;
    this.clickHouse = clickHouse;
    this.#directory = directory;
  }

  static async start(directory: string): Promise<Processors> {
    const broker = await startBroker();
    const clickHouse = await startServerProcess({ path: join(directory, 'clickhouse') });
    return new Processors(broker, clickHouse, directory);
  }

  /** Starts another one with an empty data directory. */
  add(): Processor {
    const port = NODE_PORT + this.#count;
    this.#count += 1;
    const child = spawn(process.execPath, [WEIR, 'processor'], {
      env: {
        ...process.env,
        ...this.clickHouse.environment,
        WEIR_KAFKA_BROKERS: this.broker.address,
        WEIR_TOKENS_SECRET: SECRET,
        WEIR_DATA_DIR: join(this.#directory, `processor-${port}`),
        WEIR_HTTP_PORT: String(port),
        // Every second would cost the more an event the longer a busy machine takes for it.
        WEIR_WINDOWS_CHECKPOINT: '5s',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = once(child, 'exit');
    const processor: Processor = {
      url: `http://127.0.0.1:${port}`,
      pid: child.pid ?? 0,
      log: () => log,
      kill: async () => {
        this.#running = this.#running.filter((each) => each !== processor);
        child.kill('SIGKILL');
        await ended;
      },
    };
    this.#running = [...this.#running, processor];
    return processor;
  }

  /** Resolves when the processor has so many of the partitions, restored. */
  async has(processor: Processor, partitions: number = PARTITIONS): Promise<void> {
    const endAtMs = performance.now() + JOIN_MS_MAX;
    while ((await partitionsOf(processor)) !== partitions) {
      if (performance.now() > endAtMs)
        throw new Error(`Expected ${partitions} partitions: ${processor.log()}`);
      await wait(LOOK_MS);
    }
  }

  /** Resolves when together they have taken so many events, and every row is acknowledged. */
  async haveTaken(events: number): Promise<void> {
    const settling = new Settling();
    for (;;) {
      const all = await Promise.all(this.#running.map(({ url }) => pipelineStatus(url)));
      const received = all.reduce((sum, { counts }) => sum + counts.received, 0);
      if (!settling.isBusy(all) && settling.isSettled && received >= events) return;
      await wait(LOOK_MS);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((processor) => processor.kill()));
    await this.clickHouse.kill();
    await this.broker.remove();
  }
}

/** Partitions that it processes; none while it does not answer yet. */
async function partitionsOf({ url }: Processor): Promise<number> {
  try {
    const { tasks } = await pipelineStatus(url);
    return tasks.filter(({ task }) => task.startsWith('visitor-')).length;
  } catch {
    return 0;
  }
}
