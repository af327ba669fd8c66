import { rm } from 'node:fs/promises';

import { Broker, KAFKA_VERSIONS, whyNoBroker } from '../../test/kafka/broker.ts';
import { type Server, startServer } from '../latency/server.ts';

/** The broker listens here, and on the next port; the node after those. */
const PORT = Number(process.env['BENCH_KAFKA_PORT'] ?? 18_220);
const NODE_PORT = PORT + 5;

/** Which Kafka it is. */
export const [KAFKA_VERSION] = KAFKA_VERSIONS;

/** An empty broker; give it up with `remove`. */
export async function startBroker(): Promise<Broker> {
  const missing = whyNoBroker();
  if (missing !== undefined) throw new Error(missing);
  return Broker.start(KAFKA_VERSION, PORT);
}

/** Starts a node with this broker: engine, all processors and api in one process. */
export function startNode(broker: Broker, dataDir: string): Promise<Server> {
  return startServer({
    dataDir,
    port: NODE_PORT,
    variables: { WEIR_KAFKA_BROKERS: broker.address },
  });
}

/** A node creates the topics; this one is gone again, and so is what it kept. */
export async function createTopics(broker: Broker, dataDir: string): Promise<void> {
  const node = await startNode(broker, dataDir);
  await node.stop();
  await rm(dataDir, { recursive: true, force: true });
}
