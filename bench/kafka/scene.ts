import { loadConfig } from '../../processors/config.ts';
import { createTopics } from '../../processors/create-topics.ts';
import { Broker, KAFKA_VERSIONS, whyNoBroker } from '../../test/kafka/broker.ts';
import { type Server, startServer } from '../latency/server.ts';

/** The broker listens here, and on the next port; the node after those. */
const PORT = Number(process.env['BENCH_KAFKA_PORT'] ?? 18_220);
export const NODE_PORT = PORT + 5;

/** Which Kafka it is. */
export const [KAFKA_VERSION] = KAFKA_VERSIONS;

/** A broker with the topics of events, all empty; give it up with `remove`. */
export async function startBroker(): Promise<Broker> {
  const missing = whyNoBroker();
  if (missing !== undefined) throw new Error(missing);
  const broker = await Broker.start(KAFKA_VERSION, PORT);
  const environment = { WEIR_KAFKA_BROKERS: broker.address };
  await createTopics(loadConfig({ file: undefined, environment }));
  return broker;
}

/** Starts a node with this broker: engine, all processors and api in one process. */
export function startNode(
  broker: Broker,
  options: { readonly dataDir: string; readonly isProfiled?: boolean },
): Promise<Server> {
  return startServer({
    ...options,
    port: NODE_PORT,
    variables: { WEIR_KAFKA_BROKERS: broker.address },
  });
}
