import { MINUTE_MS } from '../schemas/time.ts';
import type { BotsInput, BotsRun } from './bots/run-bots.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const SCRIPT = new URL('bots/run-bots.ts', import.meta.url);
const EVENTS = 150_000;
const TIMEOUT_MS = 5 * MINUTE_MS;
const SHARE_PERCENT_MAX = 25;
const VISITOR_BYTES_MAX = 200;
const ADDRESS_BYTES_MAX = 300;

/** What judging visitors costs: the same events with and without it in one process, and its state. */
export async function bench({ runs, events = EVENTS }: BenchOptions): Promise<BenchResult> {
  const measured: BotsRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input: BotsInput = { events };
    const nodeOptions = ['--expose-gc'];
    measured.push(await runChild<BotsRun>(SCRIPT, { input, timeoutMs: TIMEOUT_MS, nodeOptions }));
  }
  const samples = (of: (run: BotsRun) => number): readonly number[] => measured.map(of);
  const share = (whole: number, without: number): number => 100 * (1 - without / whole);
  const time = { better: 'lower', unit: 'µs' } as const;
  const size = { better: 'lower', unit: 'B', isComparable: true } as const;
  const [first] = measured;
  return {
    bench: 'bots',
    about: [
      `${first?.events ?? 0} events of the simulated shop through door and engine with all processors, memory in place of disk and ClickHouse: judging and not judging in turn, twice each after one pair that does not count. All CPU time per event.`,
      `share_of_pipeline is what judging takes of door and engine; ClickHouse, which would make it smaller, is left out. Sizes are means over ${first?.visitors ?? 0} visitors and ${first?.addresses ?? 0} addresses, without keys.`,
    ],
    metrics: [
      { name: 'pipeline', ...time, samples: samples((run) => run.pipelineUs) },
      { name: 'pipeline_without', ...time, samples: samples((run) => run.pipelineWithoutUs) },
      { name: 'engine', ...time, samples: samples((run) => run.engineUs) },
      { name: 'engine_without', ...time, samples: samples((run) => run.engineWithoutUs) },
      {
        name: 'share_of_pipeline',
        better: 'lower',
        unit: '%',
        target: SHARE_PERCENT_MAX,
        samples: samples((run) => share(run.pipelineUs, run.pipelineWithoutUs)),
      },
      {
        name: 'share_of_engine',
        better: 'lower',
        unit: '%',
        samples: samples((run) => share(run.engineUs, run.engineWithoutUs)),
      },
      {
        name: 'visitor_in_memory',
        ...size,
        target: VISITOR_BYTES_MAX,
        samples: samples((run) => run.visitorBytes),
      },
      { name: 'visitor_stored', ...size, samples: samples((run) => run.visitorBytesStored) },
      {
        name: 'address_in_memory',
        ...size,
        target: ADDRESS_BYTES_MAX,
        samples: samples((run) => run.addressBytes),
      },
      { name: 'address_stored', ...size, samples: samples((run) => run.addressBytesStored) },
    ],
    notes: [],
  };
}
