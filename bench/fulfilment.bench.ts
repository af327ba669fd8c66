import { MINUTE_MS } from '../schemas/time.ts';
import type { FulfilmentInput, FulfilmentRun } from './fulfilment/run-fulfilment.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const SCRIPT = new URL('fulfilment/run-fulfilment.ts', import.meta.url);
const EVENTS = 300_000;
const EVENTS_PER_ORDER = 3;
const TIMEOUT_MS = 5 * MINUTE_MS;

/** The fulfilment operator alone, on decoded events. */
export async function bench({ runs, events = EVENTS }: BenchOptions): Promise<BenchResult> {
  const orders = Math.ceil(events / EVENTS_PER_ORDER);
  const measured: FulfilmentRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input: FulfilmentInput = { orders };
    measured.push(
      await runChild<FulfilmentRun>(SCRIPT, {
        input,
        timeoutMs: TIMEOUT_MS,
        nodeOptions: ['--expose-gc'],
      }),
    );
  }
  return {
    bench: 'fulfilment',
    about: [
      `${orders} orders of as many visitors, each placed, shipped and delivered, through the fulfilment operator; CPU time of one process.`,
      'Bytes are what the heap has grown by per visitor.',
    ],
    metrics: [
      {
        name: 'orders_per_second',
        unit: 'events/s',
        better: 'higher',
        samples: measured.map(({ eventsPerSecond }) => eventsPerSecond),
      },
      {
        name: 'bytes_per_visitor',
        unit: 'B',
        better: 'lower',
        isComparable: true,
        samples: measured.map(({ bytesPerVisitor }) => bytesPerVisitor),
      },
    ],
    notes: [],
  };
}
