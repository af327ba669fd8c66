import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { MINUTE_MS } from '../schemas/time.ts';
import { runChild } from './measure/child.ts';
import type { ThreadKind } from './measure/cost.ts';
import { profileLines } from './measure/profile-lines.ts';
import type { BenchOptions, BenchResult, Metric } from './measure/result.ts';
import type { ImportInput, ImportRun } from './pipeline/import-shop.ts';
import { writeShop } from './shop/write.ts';

const SCRIPT = new URL('pipeline/import-shop.ts', import.meta.url);

/** An hour and a half of a busy shop at night: long enough that compiling the code is a small part. */
const EVENTS = 1_100_000;
const EVENTS_PER_SECOND = 200;
/** In the past, or the door refuses it; one month, as the tables are parted by month. */
const START_MS = Date.UTC(2025, 0, 6);

/** A shop that needs only these pays only for these; the target is worded for three processors. */
const THREE = { WEIR_PROCESSORS: 'traffic,attribution,stock' };

const EVENTS_PER_SECOND_MIN = 40_000;
const MEMORY_MB_MAX = 1_500;
/** A run that takes longer than a hundredth of the target hangs. */
const TIMEOUT_MS = 10 * MINUTE_MS;
const BYTES_PER_MB = 1e6;

/** Events of a file through door, log, processors and chDB, as `weir import ndjson` does it. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const file = join(directory, 'shop.ndjson');
  const { lines } = await writeShop(
    {
      seed: 7,
      startMs: START_MS,
      eventsPerSecond: EVENTS_PER_SECOND,
      durationMs: Math.ceil((events / EVENTS_PER_SECOND) * 1_000),
    },
    { file },
  );
  const dataDir = join(directory, 'data');
  const measured: ImportRun[] = [];
  const three: ImportRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    // In turn, so that both meet the machine as it is.
    for (const [into, environment] of [
      [measured, {}],
      [three, THREE],
    ] as const) {
      const result = await importOnce({ file, dataDir, isProfiled: false, environment });
      check(result, lines);
      into.push(result);
      const of = `run ${run + 1} of ${runs}${into === three ? ', three processors' : ''}`;
      console.error(`pipeline: ${of}, ${perSecond(result).toFixed(0)} events/s`);
    }
  }
  const profiled = await importOnce({ file, dataDir, isProfiled: true });
  return {
    bench: 'pipeline',
    about: [
      `${lines} events of the simulated shop (${(statSync(file).size / BYTES_PER_MB).toFixed(0)} MB of NDJSON) through door, log, processors and chDB rows, until every row is acknowledged.`,
      'All processors run, and in turn with them, as three_…, traffic, attribution and stock alone.',
      'Each run is a process of its own with an empty data directory. cpu_per_parse is all CPU time per event over that of JSON.parse per line, measured in the same process.',
    ],
    metrics: [...metricsOf(measured), ...metricsOfThree(three)],
    notes: profileLines(profiled.profile, profiled.events),
  };
}

async function importOnce(input: ImportInput): Promise<ImportRun> {
  await rm(input.dataDir, { recursive: true, force: true });
  return runChild<ImportRun>(SCRIPT, { input, timeoutMs: TIMEOUT_MS });
}

/** A fast run that loses events is no result. */
function check({ counts, events }: ImportRun, lines: number): void {
  if (events === lines && counts.contributed + counts.duplicate === lines) return;
  throw new Error(
    `Expected ${lines} events to contribute or to be duplicates, got ${JSON.stringify(counts)}`,
  );
}

function metricsOf(runs: readonly ImportRun[]): readonly Metric[] {
  const threads = (kind: ThreadKind): readonly number[] =>
    runs.map(({ cost, events }) => perEventUs(cost.threadUserMs[kind] ?? Number.NaN, events));
  const userUs = runs.map(({ cost, events }) => perEventUs(cost.userMs, events));
  const systemUs = runs.map(({ cost, events }) => perEventUs(cost.systemMs, events));
  const lower = { better: 'lower', unit: 'µs' } as const;
  return [
    {
      name: 'events_per_second',
      unit: '1/s',
      better: 'higher',
      samples: runs.map(perSecond),
    },
    { name: 'user_cpu_per_event', ...lower, samples: userUs },
    { name: 'user_cpu_main_thread', ...lower, samples: threads('main') },
    { name: 'user_cpu_door', ...lower, samples: threads('door') },
    { name: 'user_cpu_collector', ...lower, samples: threads('collector') },
    { name: 'user_cpu_pool', ...lower, samples: threads('pool') },
    { name: 'user_cpu_clickhouse', ...lower, samples: threads('clickhouse') },
    { name: 'system_cpu_per_event', ...lower, samples: systemUs },
    {
      name: 'cpu_per_parse',
      unit: '×',
      better: 'lower',
      samples: runs.map(cpuPerParse),
      isComparable: true,
    },
    {
      name: 'resident_memory_max',
      unit: 'MB',
      better: 'lower',
      samples: runs.map(({ memory }) => memory.residentBytesMax / BYTES_PER_MB),
    },
    {
      name: 'anonymous_memory_max',
      unit: 'MB',
      better: 'lower',
      samples: runs.map(({ memory }) => memory.anonymousBytesMax / BYTES_PER_MB),
      target: MEMORY_MB_MAX,
      isComparable: true,
    },
    {
      name: 'memory_growth',
      unit: 'MB',
      better: 'lower',
      samples: runs.map(({ memory }) => memory.growthBytes / BYTES_PER_MB),
    },
    {
      name: 'events_per_checkpoint',
      unit: '',
      better: 'higher',
      samples: runs.map(({ events, checkpoints }) => events / checkpoints),
    },
  ];
}

/** What the three processors take, which the targets are worded for. */
function metricsOfThree(runs: readonly ImportRun[]): readonly Metric[] {
  return [
    {
      name: 'three_events_per_second',
      unit: '1/s',
      better: 'higher',
      samples: runs.map(perSecond),
      target: EVENTS_PER_SECOND_MIN,
    },
    {
      name: 'three_cpu_per_parse',
      unit: '×',
      better: 'lower',
      samples: runs.map(cpuPerParse),
      isComparable: true,
    },
    {
      name: 'three_anonymous_memory_max',
      unit: 'MB',
      better: 'lower',
      samples: runs.map(({ memory }) => memory.anonymousBytesMax / BYTES_PER_MB),
      target: MEMORY_MB_MAX,
      isComparable: true,
    },
  ];
}

/** CPU time of all threads per event, in units of one `JSON.parse` of a line. */
function cpuPerParse({ cost, events, parseUs }: ImportRun): number {
  return perEventUs(cost.userMs + cost.systemMs, events) / parseUs;
}

function perSecond({ events, cost }: ImportRun): number {
  return events / (cost.wallMs / 1_000);
}

function perEventUs(ms: number, events: number): number {
  return (ms * 1_000) / events;
}
