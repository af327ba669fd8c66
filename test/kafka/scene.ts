import { expect, onTestFinished } from 'vitest';

import { Broker, type BrokerSecurity, type KafkaVersion } from './broker.ts';
import { RunningNode } from './running-node.ts';

/** Where the broker of a test listens; its other listeners take the ports after it. */
const PORT = Number(process.env['TEST_KAFKA_PORT'] ?? 18_200);

/** An empty broker, gone when the test ends. */
export async function brokerOf(version: KafkaVersion, security?: BrokerSecurity): Promise<Broker> {
  const broker = await Broker.start(version, PORT, security);
  onTestFinished(() => broker.remove());
  return broker;
}

/** The configuration of a node with this broker. */
export function variables(broker: Broker, dataDir: string): Readonly<Record<string, string>> {
  return { WEIR_KAFKA_BROKERS: broker.address, WEIR_DATA_DIR: dataDir };
}

/** The first start creates the topics, so that other programs can write while nobody reads. */
export async function createTopics(broker: Broker, dataDir: string): Promise<void> {
  const first = new RunningNode({ expected: 0 }, variables(broker, dataDir));
  expect(await first.ended).toMatchObject({ exitCode: 0, last: { received: 0 } });
}

/** A click that is fine but for `fields`, as JSON. */
export function click(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    event_id: 'a-click',
    occurred_at: Date.UTC(2025, 10, 20),
    source: 'shop',
    visitor_id: 'visitor 7',
    kind: 'page_view',
    channel: 'dtc',
    ...fields,
  });
}
