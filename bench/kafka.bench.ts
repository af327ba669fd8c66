import { join } from 'node:path';

import { SECOND_MS } from '../schemas/time.ts';
import {
  type CatchUp,
  VIEWERS,
  cpuPerEventUs,
  rateBetween,
  takeBacklog,
} from './kafka/catch-up.ts';
import { KAFKA_VERSION } from './kafka/scene.ts';
import { profileLines } from './measure/profile-lines.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const EVENTS = 300_000;
const EVENTS_PER_SECOND_MIN = 40_000;

/** What lies in Kafka until every event has contributed and every row is acknowledged, in one process. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const measured: CatchUp[] = [];
  const ofApi: CatchUp[] = [];
  for (let run = 0; run < runs; run += 1) {
    const dataDir = join(directory, `data-${run}`);
    const result = await takeBacklog({ events, writer: 'program', dataDir });
    measured.push(result);
    ofApi.push(await takeBacklog({ events, writer: 'api', dataDir: `${dataDir}-api` }));
    console.error(`kafka: run ${run + 1} of ${runs}, ${perSecond(result).toFixed(0)} events/s`);
  }
  const profiled = await takeBacklog({
    events,
    writer: 'program',
    dataDir: join(directory, 'profiled'),
    isProfiled: true,
  });
  const { sent } = profiled;
  const perEventUs = (ms: (each: CatchUp) => number | undefined): readonly number[] =>
    measured.map((each) => ((ms(each) ?? Number.NaN) * 1_000) / sent);
  const rate = { better: 'higher', unit: '1/s' } as const;
  const lower = { better: 'lower', unit: 'µs' } as const;
  return {
    bench: 'kafka',
    about: [
      `${sent} events of the simulated shop, as Avro of another program in Kafka ${KAFKA_VERSION}, through a group of one process with all processors, chDB and ${VIEWERS} viewers, until every row is acknowledged; then the same as an api node writes them.`,
      'Timed from the first event taken; `middle` is the second and third quarter alone. The broker runs beside it on the same machine: it hands out, and takes what stages send each other.',
    ],
    metrics: [
      {
        name: 'events_per_second',
        ...rate,
        samples: measured.map(perSecond),
        target: EVENTS_PER_SECOND_MIN,
      },
      {
        name: 'middle_events_per_second',
        ...rate,
        samples: measured.map(middlePerSecond),
      },
      { name: 'api_events_per_second', ...rate, samples: ofApi.map(perSecond) },
      {
        name: 'api_middle_events_per_second',
        ...rate,
        samples: ofApi.map(middlePerSecond),
      },
      {
        name: 'api_cpu_per_event',
        ...lower,
        samples: ofApi.map(({ node }) => cpuPerEventUs(node, sent)),
      },
      {
        name: 'cpu_per_event',
        ...lower,
        samples: measured.map(({ node }) => cpuPerEventUs(node, sent)),
      },
      {
        name: 'user_cpu_main_thread',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.main),
      },
      {
        name: 'user_cpu_door',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.door),
      },
      {
        name: 'user_cpu_collector',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.collector),
      },
      {
        name: 'user_cpu_pool',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.pool),
      },
      {
        name: 'user_cpu_clickhouse',
        ...lower,
        samples: perEventUs(({ node }) => node.threadUserMs.clickhouse),
      },
      { name: 'system_cpu_per_event', ...lower, samples: perEventUs(({ node }) => node.systemMs) },
      {
        name: 'broker_cpu_per_event',
        ...lower,
        samples: measured.map(({ broker }) => cpuPerEventUs(broker, sent)),
      },
      {
        name: 'frames_per_viewer',
        unit: '',
        better: 'higher',
        samples: measured.map(({ frames }) => frames / VIEWERS),
      },
    ],
    notes: profileLines(profiled.profile, sent),
  };
}

function perSecond({ sent, node }: CatchUp): number {
  return (sent * SECOND_MS) / node.wallMs;
}

/** The second and third quarter: without a cold start, and without the last checkpoint. */
function middlePerSecond({ looks, sent }: CatchUp): number {
  return rateBetween(
    looks.find(({ received }) => received >= sent / 4),
    looks.findLast(({ received }) => received <= (sent * 3) / 4),
  );
}
