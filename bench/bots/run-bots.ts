import { MemoryLog } from '../../processors/engine/log/memory.ts';
import type { MemoryStore } from '../../processors/engine/state/memory.ts';
import { endOfPrefix } from '../../processors/engine/state/store.ts';
import { cpuUs, drained, fill } from '../core/memory-shop.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { type StateSizes, stateSizes } from './state-sizes.ts';

export interface BotsInput {
  readonly events: number;
}

/** CPU time per event, user and system, microseconds; sizes are means in bytes. */
export interface BotsRun extends StateSizes {
  readonly events: number;
  /** The engine, judging. */
  readonly engineUs: number;
  /** The same, judging nobody. */
  readonly engineWithoutUs: number;
  /** As stored, beyond what the other processors store. */
  readonly visitorBytesStored: number;
  readonly addressBytesStored: number;
}

/** Pairs of runs, with and without in turn; the first pair compiles the code and does not count. */
const PAIRS = 3;
const JUDGING = {};
const NOT_JUDGING = { WEIR_BOTS_FILTER: 'false' };

await sendResult(await run(childInput<BotsInput>()));
process.exit();

async function run({ events }: BotsInput): Promise<BotsRun> {
  let count = 0;
  const once = async (
    environment: Readonly<Record<string, string>>,
  ): Promise<{ readonly engineUs: number; readonly store: MemoryStore }> => {
    // What stages forward goes to the log, so each run has one of its own.
    const log = new MemoryLog(() => Date.now());
    count = (await fill(log, events)).length;
    let store: MemoryStore | undefined;
    const engineUs = await cpuUs(count, async () => {
      store = await drained(log, environment);
    });
    if (store === undefined) throw new Error('nothing was stored');
    return { engineUs, store };
  };
  let [engineUs, withoutUs] = [0, 0];
  let stored = { visitorBytesStored: 0, addressBytesStored: 0 };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const judging = await once(JUDGING);
    const without = await once(NOT_JUDGING);
    if (pair === 0) {
      stored = storedBytes(judging.store, without.store);
      continue;
    }
    engineUs += judging.engineUs / (PAIRS - 1);
    withoutUs += without.engineUs / (PAIRS - 1);
  }
  return {
    events: count,
    engineUs,
    engineWithoutUs: withoutUs,
    ...stored,
    ...(await stateSizes(events)),
  };
}

/** What judging adds to the stored state of a visitor, and what an address takes. */
function storedBytes(
  judging: MemoryStore,
  without: MemoryStore,
): { readonly visitorBytesStored: number; readonly addressBytesStored: number } {
  const [visitors, before, addresses] = [
    stateOf(judging, 's/visitor-'),
    stateOf(without, 's/visitor-'),
    stateOf(judging, 's/address-'),
  ];
  return {
    visitorBytesStored: (visitors.bytes - before.bytes) / visitors.keys,
    addressBytesStored: addresses.bytes / addresses.keys,
  };
}

function stateOf(
  store: MemoryStore,
  prefix: string,
): { readonly keys: number; readonly bytes: number } {
  let [keys, bytes] = [0, 0];
  for (const { value } of store.range({ start: prefix, end: endOfPrefix(prefix) })) {
    keys += 1;
    bytes += value.length;
  }
  return { keys, bytes };
}
