import { SECOND_MS } from '../schemas/time.ts';
import { Broker, KAFKA_VERSIONS, whyNoBroker } from '../test/kafka/broker.ts';
import { withAdmin } from '../test/kafka/records.ts';
import { TOPIC } from './kafka-clients/client.ts';
import type { ClientsInput, ClientsRun, Library } from './kafka-clients/measure.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult, Metric } from './measure/result.ts';

const SCRIPT = new URL('kafka-clients/measure.ts', import.meta.url);
const PORT = Number(process.env['BENCH_KAFKA_PORT'] ?? 18_220);
const LIBRARIES: readonly Library[] = ['kafkajs', 'platformatic'];
const RECORDS = 200_000;
const PARTITIONS = 4;
const TIMEOUT_MS = 120 * SECOND_MS;

/** Two libraries for Kafka behind the contract of the log, in turn, on one real broker. */
export async function bench({ runs, events = RECORDS }: BenchOptions): Promise<BenchResult> {
  const missing = whyNoBroker();
  if (missing !== undefined) throw new Error(missing);
  const [version] = KAFKA_VERSIONS;
  const broker = await Broker.start(version, PORT);
  const measured = new Map<Library, ClientsRun[]>(LIBRARIES.map((library) => [library, []]));
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const library of LIBRARIES) {
        await emptyTopic(broker);
        const input: ClientsInput = {
          library,
          broker: broker.address,
          run: `${library}-${run}`,
          records: events,
        };
        measured
          .get(library)
          ?.push(await runChild<ClientsRun>(SCRIPT, { input, timeoutMs: TIMEOUT_MS }));
        console.error(`kafka-clients: ${library}, run ${run + 1} of ${runs}`);
      }
    }
  } finally {
    await broker.remove();
  }
  return {
    bench: 'kafka-clients',
    about: [
      `${events} records of 208 bytes into ${PARTITIONS} partitions of Kafka ${version} in requests of 2,000, acknowledged by all, from an idempotent producer; then read from the beginning by a group of one, into batches of the log.`,
      'The broker runs beside them on the same machine. CPU time is that of the library’s process alone.',
    ],
    metrics: LIBRARIES.flatMap((library) =>
      metricsOf(library, measured.get(library) ?? [], events),
    ),
    notes: [],
  };
}

/** The topic as it is at first: without a record. */
async function emptyTopic(broker: Broker): Promise<void> {
  await withAdmin(broker, async (admin) => {
    const topics = await admin.listTopics();
    if (topics.includes(TOPIC)) await admin.deleteTopics({ topics: [TOPIC] });
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: TOPIC, numPartitions: PARTITIONS }],
    });
  });
}

function metricsOf(
  library: Library,
  runs: readonly ClientsRun[],
  records: number,
): readonly Metric[] {
  const figure = (
    name: string,
    [unit, better]: readonly [string, Metric['better']],
    of: (run: ClientsRun) => number,
  ): Metric => ({ name: `${library}_${name}`, unit, better, samples: runs.map(of) });
  const cpuUs = ({ userMs, systemMs }: ClientsRun['read']): number =>
    ((userMs + systemMs) * 1_000) / records;
  const perSecond = ({ wallMs }: ClientsRun['read']): number => (records * SECOND_MS) / wallMs;
  return [
    figure('append', ['1/s', 'higher'], ({ append }) => perSecond(append)),
    figure('append_cpu', ['µs', 'lower'], ({ append }) => cpuUs(append)),
    figure('read', ['1/s', 'higher'], ({ read }) => perSecond(read)),
    figure('read_cpu', ['µs', 'lower'], ({ read }) => cpuUs(read)),
    figure('latency_p50', ['ms', 'lower'], ({ latencyMs }) => latencyMs.p50),
    figure('latency_p99', ['ms', 'lower'], ({ latencyMs }) => latencyMs.p99),
    figure('silence_on_join', ['ms', 'lower'], ({ silenceMs }) => silenceMs.join),
    figure('silence_on_leave', ['ms', 'lower'], ({ silenceMs }) => silenceMs.leave),
    figure('rebalance_lost', ['', 'lower'], ({ rebalanced }) =>
      Math.max(0, rebalanced.appended - rebalanced.read),
    ),
    figure('rebalance_repeated', ['', 'lower'], ({ rebalanced }) =>
      Math.max(0, rebalanced.read - rebalanced.appended),
    ),
  ];
}
