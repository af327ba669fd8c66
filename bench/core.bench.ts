import { MINUTE_MS } from '../schemas/time.ts';
import type { CoreInput, CoreRun } from './core/run-core.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

const SCRIPT = new URL('core/run-core.ts', import.meta.url);
const EVENTS = 200_000;
const TIMEOUT_MS = 5 * MINUTE_MS;

/** The engine on bytes in memory, beside what the same bytes cost without it, in the same process. */
export async function bench({ runs, events = EVENTS }: BenchOptions): Promise<BenchResult> {
  const measured: CoreRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input: CoreInput = { events };
    measured.push(await runChild<CoreRun>(SCRIPT, { input, timeoutMs: TIMEOUT_MS }));
  }
  const samples = (of: (run: CoreRun) => number): readonly number[] => measured.map(of);
  const lower = { better: 'lower', unit: 'µs' } as const;
  const ratio = { better: 'lower', unit: '×', isComparable: true } as const;
  return {
    bench: 'core',
    about: [
      `${measured[0]?.events ?? 0} events of the simulated shop as stored bytes: decoding, deduplication, watermarks, all processors and checkpoints, with memory in place of disk and ClickHouse.`,
      'All CPU time per event. engine_without_bots judges nobody, and bots_share is what judging takes of the whole. decode_only is the floor; hand_written counts clicks per minute and channel with a Set and a Map and does nothing else; json_parse parses the same events as text.',
    ],
    metrics: [
      { name: 'engine', ...lower, samples: samples(({ engineUs }) => engineUs) },
      {
        name: 'engine_without_bots',
        ...lower,
        samples: samples(({ engineWithoutBotsUs }) => engineWithoutBotsUs),
      },
      {
        name: 'bots_share',
        better: 'lower',
        unit: '%',
        samples: samples((run) => 100 * (1 - run.engineWithoutBotsUs / run.engineUs)),
      },
      { name: 'decode_only', ...lower, samples: samples(({ decodeUs }) => decodeUs) },
      { name: 'hand_written', ...lower, samples: samples(({ handWrittenUs }) => handWrittenUs) },
      { name: 'json_parse', ...lower, samples: samples(({ jsonUs }) => jsonUs) },
      {
        name: 'engine_per_decode',
        ...ratio,
        samples: samples((run) => run.engineUs / run.decodeUs),
      },
      {
        name: 'engine_per_hand_written',
        ...ratio,
        samples: samples((run) => run.engineUs / run.handWrittenUs),
      },
    ],
    notes: [],
  };
}
