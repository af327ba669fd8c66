import { join } from 'node:path';

import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import {
  type CatchUp,
  type Look,
  VIEWERS,
  cpuPerEventUs,
  rateBetween,
  takeBacklog,
} from './kafka/catch-up.ts';
import { KAFKA_VERSION } from './kafka/scene.ts';
import type { Writer } from './kafka/shop-producer.ts';
import type { BenchOptions, BenchResult, Metric } from './measure/result.ts';

/** More than five minutes of the fastest that was seen. */
const EVENTS = 17_000_000;
const EVENTS_PER_SECOND_MIN = 40_000;
const MEASURED_MS = 5 * MINUTE_MS;

/** Five minutes of a backlog in Kafka that is longer than them, through one process. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const metrics: Metric[] = [];
  for (const writer of ['api', 'program'] as const) {
    const measured: CatchUp[] = [];
    for (let run = 0; run < runs; run += 1) {
      const dataDir = join(directory, `${writer}-${run}`);
      measured.push(await takeBacklog({ events, writer, dataDir }));
      console.error(`kafka-backlog: run ${run + 1} of ${runs} of what the ${writer} wrote`);
    }
    metrics.push(...metricsOf(writer, measured));
  }
  return {
    bench: 'kafka-backlog',
    about: [
      `About ${events} events of the simulated shop in Kafka ${KAFKA_VERSION}, as an api node writes them and as another program does, through one process with all processors, chDB and ${VIEWERS} viewers.`,
      `Of the first ${MEASURED_MS / MINUTE_MS} minutes after the first event; the broker runs beside it on the same machine.`,
    ],
    metrics,
    notes: [],
  };
}

function metricsOf(writer: Writer, measured: readonly CatchUp[]): readonly Metric[] {
  const rate = { better: 'higher', unit: '1/s' } as const;
  return [
    {
      name: `${writer}_events_per_second`,
      ...rate,
      samples: measured.map(ratePerSecond),
      target: EVENTS_PER_SECOND_MIN,
    },
    {
      name: `${writer}_slowest_minute_events_per_second`,
      ...rate,
      samples: measured.map((run) => Math.min(...minutesPerSecond(run))),
    },
    {
      name: `${writer}_seconds`,
      unit: 's',
      better: 'higher',
      samples: measured.map((run) => measuredMs(run) / SECOND_MS),
      target: MEASURED_MS / SECOND_MS,
    },
    {
      name: `${writer}_cpu_per_event`,
      unit: 'µs',
      better: 'lower',
      samples: measured.map(({ node, sent }) => cpuPerEventUs(node, sent)),
    },
  ];
}

/** How long was measured: less than it should be where the backlog ended before. */
function measuredMs({ looks }: CatchUp): number {
  return Math.min(MEASURED_MS, (looks.at(-1)?.atMs ?? 0) - (looks[0]?.atMs ?? 0));
}

function ratePerSecond(run: CatchUp): number {
  return rateBetween(run.looks[0], lookAt(run, measuredMs(run)));
}

/** The rates of the whole minutes in turn. */
function minutesPerSecond(run: CatchUp): readonly number[] {
  const minutes = Math.floor(measuredMs(run) / MINUTE_MS);
  return Array.from({ length: minutes }, (_, minute) =>
    rateBetween(lookAt(run, minute * MINUTE_MS), lookAt(run, (minute + 1) * MINUTE_MS)),
  );
}

/** The first look so long after the first event; the last one where there is none. */
function lookAt({ looks }: CatchUp, afterMs: number): Look | undefined {
  const startMs = looks[0]?.atMs ?? 0;
  return looks.find(({ atMs }) => atMs - startMs >= afterMs) ?? looks.at(-1);
}
