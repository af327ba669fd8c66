import { randomUUID } from 'node:crypto';

import { kafkaClients } from './kafka-client.ts';
import { untilAnswered } from './kafka-prepare.ts';
import { type Fetched, KafkaReader } from './kafka-reader.ts';
import { KafkaAdmin, offsetsOf } from './kafka-topics.ts';
import { type UpdatesOptions, updatesTopic } from './kafka-updates.ts';

/** How often the reader looks whether it has read what was there when it began. */
const LOOK_MS = 20;

/** Where a partition is read and what was there when reading began. */
interface Position {
  nextOffset: number;
  readonly endOffset: number;
}

/**
 * Reads every partition of the updates topic, in a group of its own, so that every api node sees
 * everything.
 */
export class KafkaUpdatesReader {
  readonly #topic: string;
  readonly #positions: ReadonlyMap<number, Position>;
  readonly #reader: KafkaReader;
  #onMessage: (message: Buffer) => void = () => undefined;

  private constructor(options: UpdatesOptions, positions: ReadonlyMap<number, Position>) {
    const { clientId } = options.settings;
    this.#topic = updatesTopic(clientId);
    this.#positions = positions;
    this.#reader = new KafkaReader({
      kafka: kafkaClients(options.settings),
      groupId: `${clientId}-updates-${randomUUID()}`,
      topics: [this.#topic],
      logger: options.logger,
      events: {
        onFetched: (fetched) => this.#take(fetched),
        onNothing: ({ partition, nextOffset }) => this.#passTo(partition, nextOffset),
        onJoined: () => {
          for (const [partition, { nextOffset }] of this.#positions)
            this.#reader.seek({ topic: this.#topic, partition }, nextOffset);
        },
      },
    });
  }

  /**
   * Finds the first messages from `sinceMs` on; nothing is read before `start`.
   *
   * @throws {EngineError} KAFKA_REFUSED
   */
  static async open(
    options: UpdatesOptions & { readonly sinceMs: number },
  ): Promise<KafkaUpdatesReader> {
    const topic = updatesTopic(options.settings.clientId);
    const admin = new KafkaAdmin(kafkaClients(options.settings));
    const { logger, sinceMs } = options;
    const ends = await untilAnswered(admin, logger, (asked) => offsetsOf(asked, topic));
    const starts = await untilAnswered(admin, logger, (asked) =>
      asked.fetchTopicOffsetsByTimestamp(topic, sinceMs),
    );
    await admin.close();
    const positions = ends.map(({ partition, startOffset, endOffset }) => {
      const found = starts.find((each) => each.partition === partition);
      // Without a message since then the client answers with the end, or −1.
      const offset = Number(found?.offset ?? -1);
      const nextOffset = Math.max(startOffset, offset < 0 ? endOffset : offset);
      return [partition, { nextOffset, endOffset }] as const;
    });
    return new KafkaUpdatesReader(options, new Map(positions));
  }

  /** Begins to read. Resolves when everything that was there at `open` has been handed over. */
  async start(onMessage: (message: Buffer) => void): Promise<void> {
    this.#onMessage = onMessage;
    this.#reader.start();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setInterval(() => {
      const positions = [...this.#positions.values()];
      if (positions.every(({ nextOffset, endOffset }) => nextOffset >= endOffset))
        resolve(undefined);
    }, LOOK_MS);
    await promise;
    clearInterval(timer);
  }

  async close(): Promise<void> {
    await this.#reader.stop();
  }

  #take(fetched: Fetched): Promise<void> {
    const { partition, nextOffset } = fetched;
    const position = this.#positions.get(partition);
    if (position === undefined || !fetched.isCurrent()) return Promise.resolve();
    for (const set of fetched.sets) {
      for (let index = 0; index < set.count; index += 1) {
        const message = set.offsetAt(index) < position.nextOffset ? undefined : set.valueAt(index);
        if (message !== undefined) this.#onMessage(message);
      }
    }
    fetched.resolve();
    this.#passTo(partition, nextOffset);
    return Promise.resolve();
  }

  #passTo(partition: number, nextOffset: number): void {
    const position = this.#positions.get(partition);
    if (position !== undefined && nextOffset > position.nextOffset)
      position.nextOffset = nextOffset;
  }
}
