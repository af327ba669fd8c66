import { MINUTE_MS } from '../schemas/time.ts';
import type { LiftInput, LiftRun } from './lift/run-lift.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const SCRIPT = new URL('lift/run-lift.ts', import.meta.url);
const EVENTS = 100_000;
const TIMEOUT_MS = 10 * MINUTE_MS;

const SHARE_MAX = 30;
const STATE_BYTES_MAX = 300;
const ASSIGNMENT_MS_MAX = 10;

/** What lift costs: its share of the engine's time per event, its state, and an assignment. */
export async function bench({ runs, events = EVENTS }: BenchOptions): Promise<BenchResult> {
  const measured: LiftRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input: LiftInput = { events };
    measured.push(await runChild<LiftRun>(SCRIPT, { input, timeoutMs: TIMEOUT_MS }));
  }
  const lower = { better: 'lower' } as const;
  return {
    bench: 'lift',
    about: [
      `About ${events} events of the simulated shop as stored bytes through the whole engine in memory, with three tests and with none, in the same process.`,
      'State is what attribution and lift store of a visitor with touches. Assignments are asked for over HTTP, one after another.',
    ],
    metrics: [
      {
        name: 'lift_share',
        unit: '%',
        ...lower,
        samples: measured.map((run) => 100 * (1 - run.withoutUs / run.withUs)),
        target: SHARE_MAX,
      },
      {
        name: 'engine_with_lift',
        unit: 'µs',
        ...lower,
        samples: measured.map((run) => run.withUs),
      },
      {
        name: 'engine_without_lift',
        unit: 'µs',
        ...lower,
        samples: measured.map((run) => run.withoutUs),
      },
      {
        name: 'state_bytes_median',
        unit: 'B',
        ...lower,
        samples: measured.map((run) => run.stateBytes),
        target: STATE_BYTES_MAX,
        isComparable: true,
      },
      {
        name: 'assignment_p95',
        unit: 'ms',
        ...lower,
        samples: measured.map((run) => run.assignmentMsP95),
        target: ASSIGNMENT_MS_MAX,
      },
    ],
    notes: [],
  };
}
