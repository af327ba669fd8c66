import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import { runChild } from './measure/child.ts';
import { percentileOf } from './measure/percentile.ts';
import type { BenchOptions, BenchResult, Metric } from './measure/result.ts';
import type { LoadInput, LoadRun } from './state/load.ts';
import type { RecoverInput, RecoverRun } from './state/recover.ts';
import { TOUCHES_PER_VISITOR } from './state/touches.ts';

const LOAD = new URL('state/load.ts', import.meta.url);
const RECOVER = new URL('state/recover.ts', import.meta.url);

/** A fifth of the million visitors that the targets are for, so that a run takes minutes. */
const EVENTS = 200_000 * TOUCHES_PER_VISITOR;

const MEMORY_MB_MAX = 1_500;
const STALL_MS_MAX = 50;
const RECOVERY_MS_MAX = 5 * SECOND_MS;
/** A run of fewer events a second than this hangs. */
const EVENTS_PER_SECOND_MIN = 2_000;
const BYTES_PER_MB = 1e6;

type StateRun = LoadRun & RecoverRun;

/** Many visitors' state: its memory, its checkpoints, its size, and how soon it is back after a SIGKILL. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const visitors = Math.ceil(events / TOUCHES_PER_VISITOR);
  const measured: StateRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const result = await measureOnce(join(directory, 'data'), visitors);
    measured.push(result);
    const seconds = (result.wallMs / SECOND_MS).toFixed(0);
    console.error(`state: run ${run + 1} of ${runs}, loaded in ${seconds} s`);
  }
  return {
    bench: 'state',
    about: [
      `${visitors} visitors with ${TOUCHES_PER_VISITOR} touches each through door, embedded log, all processors and LMDB state; a sink acknowledges every row at once.`,
      'Each run is a process of its own with an empty data directory, which kills itself while more events come; another process goes on from what is there.',
    ],
    metrics: metricsOf(measured, visitors),
    notes: [],
  };
}

async function measureOnce(dataDir: string, visitors: number): Promise<StateRun> {
  await rm(dataDir, { recursive: true, force: true });
  const loadMs = ((visitors * TOUCHES_PER_VISITOR) / EVENTS_PER_SECOND_MIN) * SECOND_MS;
  const load = await runChild<LoadRun>(LOAD, {
    input: { dataDir, visitors } satisfies LoadInput,
    timeoutMs: MINUTE_MS + loadMs,
  });
  const recover = await runChild<RecoverRun>(RECOVER, {
    input: { dataDir, visitors } satisfies RecoverInput,
    timeoutMs: MINUTE_MS,
  });
  return { ...load, ...recover };
}

function metricsOf(runs: readonly StateRun[], visitors: number): readonly Metric[] {
  const lower = { better: 'lower' } as const;
  const stalls = (ratio: number): readonly number[] =>
    runs.map(({ stallsMs }) => percentileOf(stallsMs, ratio));
  return [
    {
      name: 'rss_max',
      unit: 'MB',
      ...lower,
      samples: runs.map(({ rssBytesMax }) => rssBytesMax / BYTES_PER_MB),
    },
    {
      name: 'anonymous_rss_max',
      unit: 'MB',
      ...lower,
      samples: runs.map(({ anonymousBytesMax }) => anonymousBytesMax / BYTES_PER_MB),
      target: MEMORY_MB_MAX,
      isComparable: true,
    },
    { name: 'checkpoint_stall_p50', unit: 'ms', ...lower, samples: stalls(0.5) },
    {
      name: 'checkpoint_stall_p99',
      unit: 'ms',
      ...lower,
      samples: stalls(0.99),
      target: STALL_MS_MAX,
    },
    { name: 'checkpoint_stall_max', unit: 'ms', ...lower, samples: stalls(1) },
    {
      name: 'pause_p99',
      unit: 'ms',
      ...lower,
      samples: runs.map(({ pauseMsP99 }) => pauseMsP99),
    },
    {
      name: 'pause_max',
      unit: 'ms',
      ...lower,
      samples: runs.map(({ pauseMsMax }) => pauseMsMax),
    },
    {
      name: 'state_bytes_per_visitor',
      unit: 'B',
      ...lower,
      samples: runs.map(({ stateBytes }) => stateBytes / visitors),
      isComparable: true,
    },
    {
      name: 'recovery',
      unit: 'ms',
      ...lower,
      samples: runs.map(({ recoveryMs }) => recoveryMs),
      target: RECOVERY_MS_MAX,
    },
    {
      name: 'recovery_records',
      unit: '',
      ...lower,
      samples: runs.map(({ unread }) => unread),
    },
    {
      name: 'events_per_second',
      unit: '1/s',
      better: 'higher',
      samples: runs.map(({ wallMs }) => (visitors * TOUCHES_PER_VISITOR * SECOND_MS) / wallMs),
    },
  ];
}
