import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { MINUTE_MS } from '../schemas/time.ts';
import type { BotsInput, BotsRun } from './bots/run-bots.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';
import type { ImportInput, ImportRun } from './pipeline/import-shop.ts';
import { writeShop } from './shop/write.ts';

const SCRIPT = new URL('bots/run-bots.ts', import.meta.url);
const IMPORT = new URL('pipeline/import-shop.ts', import.meta.url);
const EVENTS = 100_000;
const EVENTS_PER_SECOND = 200;
/** In the past, or the door refuses it; one month, as the tables are parted by month. */
const START_MS = Date.UTC(2025, 0, 6, 12);
const TIMEOUT_MS = 5 * MINUTE_MS;
const SHARE_PERCENT_MAX = 25;
const VISITOR_BYTES_MAX = 200;
const ADDRESS_BYTES_MAX = 300;

/** What one run has measured; CPU time per event, microseconds. */
interface Measured extends BotsRun {
  readonly importUs: number;
  readonly importWithoutUs: number;
}

/** What judging visitors costs: the same events with and without it in one process, and its state. */
export async function bench({
  runs,
  events = EVENTS,
  directory,
}: BenchOptions): Promise<BenchResult> {
  const file = join(directory, 'shop.ndjson');
  const durationMs = Math.ceil((events / EVENTS_PER_SECOND) * 1_000);
  const shop = { seed: 7, startMs: START_MS, eventsPerSecond: EVENTS_PER_SECOND, durationMs };
  await writeShop(shop, { file });
  const measured: Measured[] = [];
  for (let run = 0; run < runs; run += 1) {
    const inMemory = await runChild<BotsRun>(SCRIPT, {
      input: { events } satisfies BotsInput,
      timeoutMs: TIMEOUT_MS,
      nodeOptions: ['--expose-gc'],
    });
    const input = { file, dataDir: join(directory, 'data'), isProfiled: false };
    measured.push({ ...inMemory, ...(await importPair(input, run)) });
  }
  const samples = (of: (run: Measured) => number): readonly number[] => measured.map(of);
  const share = (whole: number, without: number): number => 100 * (1 - without / whole);
  const time = { better: 'lower', unit: 'µs' } as const;
  const size = { better: 'lower', unit: 'B', isComparable: true } as const;
  const [first] = measured;
  return {
    bench: 'bots',
    about: [
      `${first?.events ?? 0} events of the simulated shop through door and engine with all processors, memory in place of disk and ClickHouse: judging and not judging in turn, twice each after one pair that does not count. All CPU time per event.`,
      `import is all CPU time per event of the same shop through door, log, state on disk and chDB, as weir import ndjson does it; share_of_pipeline is what judging takes of that, pair by pair, first the one and then the other; share_of_engine of the engine alone in memory. Sizes are means over ${first?.visitors ?? 0} visitors and ${first?.addresses ?? 0} addresses, without keys.`,
    ],
    metrics: [
      { name: 'import', ...time, samples: samples((run) => run.importUs) },
      { name: 'import_without', ...time, samples: samples((run) => run.importWithoutUs) },
      { name: 'engine', ...time, samples: samples((run) => run.engineUs) },
      { name: 'engine_without', ...time, samples: samples((run) => run.engineWithoutUs) },
      {
        name: 'share_of_pipeline',
        better: 'lower',
        unit: '%',
        target: SHARE_PERCENT_MAX,
        samples: samples((run) => share(run.importUs, run.importWithoutUs)),
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

/** One import with judging and one without. Which is first alternates, so that neither gains by its place. */
async function importPair(
  input: ImportInput,
  run: number,
): Promise<Pick<Measured, 'importUs' | 'importWithoutUs'>> {
  const withoutJudging = { ...input, environment: { WEIR_BOTS_FILTER: 'false' } };
  if (run % 2 === 0) {
    const importUs = await importedUs(input);
    return { importUs, importWithoutUs: await importedUs(withoutJudging) };
  }
  const importWithoutUs = await importedUs(withoutJudging);
  return { importUs: await importedUs(input), importWithoutUs };
}

/** All CPU time per event of one import into an empty data directory. */
async function importedUs(input: ImportInput): Promise<number> {
  await rm(input.dataDir, { recursive: true, force: true });
  const { cost, events } = await runChild<ImportRun>(IMPORT, { input, timeoutMs: TIMEOUT_MS });
  return ((cost.userMs + cost.systemMs) * 1_000) / events;
}
