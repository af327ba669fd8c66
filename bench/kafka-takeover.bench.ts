import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { SECOND_MS } from '../schemas/time.ts';
import { fillVisitors } from './kafka/fill.ts';
import { type Processor, Processors } from './kafka/processors.ts';
import { KAFKA_VERSION } from './kafka/scene.ts';
import { PARTITIONS } from './kafka/shop-producer.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

/** Visitors, each a key of the state with everything that belongs to it. */
const KEYS = 1_000_000;
const TAKEOVER_S_MAX = 20;
/** What follows the last event: windows that close, and what stages send each other. */
const SETTLE_MS = 5 * SECOND_MS;

interface Takeover {
  /** From the kill of one of two until the other has all partitions. */
  readonly halfMs: number;
  /** From the kill of the only one until another one, started at that moment, has all partitions. */
  readonly allMs: number;
  /** Longest restore of a partition in the second of these, and the records in all of them. */
  readonly restoreMs: number;
  readonly records: number;
}

/** How long the state of a million visitors is without a process, when the one that had it is killed. */
export async function bench({
  runs,
  events: keys = KEYS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const measured: Takeover[] = [];
  for (let run = 0; run < runs; run += 1) {
    measured.push(await measureOnce(join(directory, `run-${run}`), keys));
    console.error(`kafka-takeover: run ${run + 1} of ${runs}`);
  }
  const seconds = { unit: 's', better: 'lower' } as const;
  return {
    bench: 'kafka-takeover',
    about: [
      `The state of ${keys} visitors in ${PARTITIONS} partitions, with Kafka ${KAFKA_VERSION} and a ClickHouse server on the same machine. A processor is killed; another one has nothing of its partitions.`,
      'Ten seconds of it Kafka waits for a sign of life.',
    ],
    metrics: [
      {
        name: 'takeover_of_half',
        ...seconds,
        samples: measured.map(({ halfMs }) => halfMs / SECOND_MS),
        target: TAKEOVER_S_MAX,
      },
      {
        name: 'takeover_of_all',
        ...seconds,
        samples: measured.map(({ allMs }) => allMs / SECOND_MS),
        target: TAKEOVER_S_MAX,
      },
      {
        name: 'longest_restore',
        ...seconds,
        samples: measured.map(({ restoreMs }) => restoreMs / SECOND_MS),
      },
      {
        name: 'records_restored',
        unit: '',
        better: 'lower',
        samples: measured.map(({ records }) => records),
      },
    ],
    notes: [],
  };
}

async function measureOnce(directory: string, keys: number): Promise<Takeover> {
  const group = await Processors.start(directory);
  try {
    const first = group.add();
    await group.has(first);
    const second = group.add();
    await group.has(second, PARTITIONS / 2);
    await fillVisitors(group.broker.address, keys);
    await group.haveTaken(keys);
    await wait(SETTLE_MS);
    const halfMs = await sinceKillOf(first, () => group.has(second));
    let third: Processor | undefined;
    const allMs = await sinceKillOf(second, () => {
      third = group.add();
      return group.has(third);
    });
    return { halfMs, allMs, ...restoresOf(third?.log() ?? '') };
  } finally {
    await group.stop();
  }
}

async function sinceKillOf(killed: Processor, until: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await killed.kill();
  await until();
  return performance.now() - startedAtMs;
}

function restoresOf(log: string): { readonly restoreMs: number; readonly records: number } {
  const taken = log.split('\n').filter((line) => line.includes('Partition taken'));
  const numbers = (name: string): readonly number[] =>
    taken.map((line) => Number(new RegExp(`"${name}":(\\d+)`).exec(line)?.[1] ?? 0));
  return {
    restoreMs: Math.max(...numbers('durationMs')),
    records: numbers('recordCount').reduce((total, count) => total + count, 0),
  };
}
