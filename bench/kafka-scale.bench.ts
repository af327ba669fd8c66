import { join } from 'node:path';

import { SECOND_MS } from '../schemas/time.ts';
import { fillShop } from './kafka/fill.ts';
import { Processors } from './kafka/processors.ts';
import { KAFKA_VERSION } from './kafka/scene.ts';
import { PARTITIONS } from './kafka/shop-producer.ts';
import { type Cost, startCost } from './measure/cost.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

/** Enough that what a process does once, such as compiling, says little: of 100,000 the ratio was 1.3 and 2.1. */
const EVENTS = 500_000;
const WARM_UP_EVENTS = 60_000;
const WARM_UP_SEED = 8;
/** Two processors must take at least so many times the load of one. */
const CAPACITY_RATIO_MIN = 1.6;

interface ScaleRun {
  readonly events: number;
  readonly processors: readonly Cost[];
  readonly broker: Cost;
  readonly clickHouse: Cost;
}

/**
 * What two processors take more than one. On a machine whose cores broker, ClickHouse and processors
 * share that cannot be seen in events per second: CPU time says what each process would take of a core
 * of its own, and the busier of two is the limit.
 */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const ones: ScaleRun[] = [];
  const twos: ScaleRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    ones.push(await measureOnce(join(directory, `one-${run}`), 1, events));
    twos.push(await measureOnce(join(directory, `two-${run}`), 2, events));
    console.error(`kafka-scale: run ${run + 1} of ${runs}`);
  }
  const lower = { better: 'lower', unit: 'µs' } as const;
  const seconds = { better: 'lower', unit: 's' } as const;
  const secondsOf = ({ broker }: ScaleRun): number => broker.wallMs / SECOND_MS;
  const allUs = (each: ScaleRun): number => sum(cpuOfEach(each));
  return {
    bench: 'kafka-scale',
    about: [
      `${ones[0]?.events ?? 0} events of the simulated shop in Kafka ${KAFKA_VERSION}, taken by one \`weir processor\` and by two, each with half of ${PARTITIONS} partitions, until a ClickHouse server has acknowledged every row. CPU time is per event of all of them.`,
      'capacity_ratio is the CPU time of the one over that of the busier of the two: how many times the load two take, each with as much of a machine as the one. Broker and ClickHouse have theirs besides.',
    ],
    metrics: [
      {
        name: 'capacity_ratio',
        unit: '×',
        better: 'higher',
        samples: ones.map((one, run) => allUs(one) / Math.max(...cpuOfEach(twos[run] ?? one))),
        target: CAPACITY_RATIO_MIN,
        isComparable: true,
      },
      { name: 'time_of_one', ...seconds, samples: ones.map(secondsOf) },
      { name: 'time_of_two', ...seconds, samples: twos.map(secondsOf) },
      { name: 'cpu_of_one', ...lower, samples: ones.map(allUs) },
      { name: 'cpu_of_two', ...lower, samples: twos.map(allUs) },
      {
        name: 'cpu_of_the_busier',
        ...lower,
        samples: twos.map((two) => Math.max(...cpuOfEach(two))),
      },
      {
        name: 'broker_with_one',
        ...lower,
        samples: ones.map(({ broker, events: taken }) => cpuUs(broker, taken)),
      },
      {
        name: 'broker_with_two',
        ...lower,
        samples: twos.map(({ broker, events: taken }) => cpuUs(broker, taken)),
      },
      {
        name: 'clickhouse_with_one',
        ...lower,
        samples: ones.map(({ clickHouse, events: taken }) => cpuUs(clickHouse, taken)),
      },
      {
        name: 'clickhouse_with_two',
        ...lower,
        samples: twos.map(({ clickHouse, events: taken }) => cpuUs(clickHouse, taken)),
      },
    ],
    notes: [],
  };
}

async function measureOnce(directory: string, count: number, events: number): Promise<ScaleRun> {
  const group = await Processors.start(directory);
  try {
    const processors = Array.from({ length: count }, () => group.add());
    for (const each of processors) await group.has(each, PARTITIONS / count);
    // Two processes compile twice as much as one, once.
    const warm = await fillShop(group.broker.address, WARM_UP_EVENTS, {
      seed: WARM_UP_SEED,
    });
    await group.haveTaken(warm);
    const ends = processors.map(({ pid }) => startCost(pid));
    const endBroker = startCost(group.broker.pid);
    const endClickHouse = startCost(group.clickHouse.pid);
    const sent = await fillShop(group.broker.address, events);
    await group.haveTaken(warm + sent);
    return {
      events: sent,
      processors: ends.map((end) => end()),
      broker: endBroker(),
      clickHouse: endClickHouse(),
    };
  } finally {
    await group.stop();
  }
}

/** CPU time of each processor, over all events that they took together, microseconds. */
function cpuOfEach({ processors, events }: ScaleRun): readonly number[] {
  return processors.map((cost) => cpuUs(cost, events));
}

function cpuUs({ userMs, systemMs }: Cost, events: number): number {
  return ((userMs + systemMs) * 1_000) / events;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
