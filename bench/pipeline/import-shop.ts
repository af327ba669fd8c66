import { open } from 'node:fs/promises';

import { importFile } from '../../cli/import/import-file.ts';
import { loadConfig } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { messageOf } from '../../schemas/errors.ts';
import type { EventCounts } from '../../schemas/ports.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { type Cost, startCost } from '../measure/cost.ts';
import { type MemoryUse, startMemory } from '../measure/memory.ts';
import { type ProfileSummary, profile } from '../measure/profile.ts';
import { STAGES } from './stages.ts';

export interface ImportInput {
  readonly file: string;
  /** Empty or missing: every run begins with an empty log, state and ClickHouse. */
  readonly dataDir: string;
  readonly isProfiled: boolean;
  /** Settings beside the defaults. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ImportRun {
  readonly events: number;
  readonly cost: Cost;
  readonly memory: MemoryUse;
  readonly counts: EventCounts;
  readonly checkpoints: number;
  /** CPU time of `JSON.parse` per line of the same file, in the same process: the unit of comparison. */
  readonly parseUs: number;
  readonly profile: ProfileSummary | undefined;
}

/** Lines that the yardstick parses: a tenth of a second. */
const YARDSTICK_BYTES = 24 * 1_024 * 1_024;
/** The first rounds compile the code; the last one counts. */
const YARDSTICK_ROUNDS = 3;

await sendResult(await run(childInput<ImportInput>()));
// chDB keeps threads that nobody waits for.
process.exit();

async function run({ file, dataDir, isProfiled, environment }: ImportInput): Promise<ImportRun> {
  const parseUs = await yardstick(file);
  const config = loadConfig({
    file: undefined,
    environment: { ...environment, WEIR_DATA_DIR: dataDir, WEIR_LOG_LEVEL: 'warn' },
  });
  const engine = await Embedded.open(config, (error) => {
    console.error(`Processing stopped: ${messageOf(error)}`);
    process.exit(1);
  });
  let events = 0;
  const work = async (): Promise<void> => {
    const { summary, failure } = await importFile(engine, file, {
      choice: { format: 'ndjson', options: {} },
      signal: new AbortController().signal,
      onRead: () => undefined,
    });
    if (failure !== undefined) throw failure;
    events = summary.lines.imported;
  };
  const endMemory = startMemory();
  const endCost = startCost();
  const summary = isProfiled ? await profile(work, STAGES) : await work();
  const result = {
    events,
    cost: endCost(),
    memory: endMemory(),
    counts: engine.status().counts,
    checkpoints: engine.status().checkpoint.sequence,
    parseUs,
    profile: summary ?? undefined,
  };
  await engine.close();
  return result;
}

async function yardstick(file: string): Promise<number> {
  const handle = await open(file, 'r');
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(YARDSTICK_BYTES));
  await handle.close();
  const lines = buffer.toString('latin1', 0, bytesRead).split('\n').slice(0, -1);
  let userUs = 0;
  for (let round = 0; round < YARDSTICK_ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (const line of lines) JSON.parse(line);
    userUs = process.cpuUsage(before).user;
  }
  return userUs / lines.length;
}
