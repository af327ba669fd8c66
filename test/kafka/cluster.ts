import { Broker, type Brokers, type KafkaVersion } from './broker.ts';
import { withAdmin } from './records.ts';

const BROKERS = 3;
/** Each broker takes this many. */
const PORTS = 2;

/** Brokers that hold a copy of everything each, so that any one of them may be away. */
export class Cluster implements Brokers {
  readonly brokers: readonly Broker[];

  private constructor(brokers: readonly Broker[]) {
    this.brokers = brokers;
  }

  /** Starts empty brokers, with the first one on `port`. */
  static async start(version: KafkaVersion, port: number): Promise<Cluster> {
    const ports = Array.from({ length: BROKERS }, (_, index) => port + PORTS * index);
    const cluster = new Cluster(ports.map((_, index) => Broker.prepare(version, { ports, index })));
    await Promise.all(cluster.brokers.map((broker) => broker.resume()));
    return cluster;
  }

  get address(): string {
    return this.brokers.map(({ address }) => address).join(',');
  }

  /** How many partitions some broker has no copy of that is up to date. */
  behindCount(): Promise<number> {
    return withAdmin(this, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata();
      return topics
        .flatMap(({ partitions }) => partitions)
        .filter(({ isr }) => isr.length < BROKERS).length;
    });
  }

  /** How many partitions each broker leads, in the order of `brokers`. */
  leads(): Promise<readonly number[]> {
    return withAdmin(this, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata();
      const leaders = topics.flatMap(({ partitions }) => partitions).map(({ leader }) => leader);
      return this.brokers.map((_, index) => leaders.filter((id) => id === index + 1).length);
    });
  }

  async remove(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.remove()));
  }
}
