import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';
import type { BusyInput, BusyRun } from './stock/run-busy.ts';
import type { StockInput, StockRun } from './stock/run-stock.ts';

const SCRIPT = new URL('stock/run-stock.ts', import.meta.url);
const BUSY_SCRIPT = new URL('stock/run-busy.ts', import.meta.url);
const INPUT: StockInput = { skus: 250_000, nodes: 4 };
/** The SKU's own share is all on one key. */
const ONE_NODE: StockInput = { skus: 400_000, nodes: 1 };
/** As many sales as a node keeps at most. */
const BUSY: BusyInput = { kept: 8_192, events: 20_000, disorderMs: 10 * SECOND_MS };
const BYTES_PER_KEY_MAX = 400;
const TIMEOUT_MS = 3 * MINUTE_MS;

/** The stock operator alone: a million SKU × node keys that counts, movements and prices pass by. */
export async function bench({ runs }: BenchOptions): Promise<BenchResult> {
  const measured: StockRun[] = [];
  const ofOneNode: StockRun[] = [];
  const busy: BusyRun[] = [];
  const inOrder: BusyRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    measured.push(await runStock(INPUT));
    ofOneNode.push(await runStock(ONE_NODE));
    busy.push(await runBusy(BUSY));
    inOrder.push(await runBusy({ ...BUSY, disorderMs: 0 }));
  }
  return {
    bench: 'stock',
    about: [
      `${INPUT.skus * INPUT.nodes} keys: each SKU at ${INPUT.nodes} nodes has a count, a sale, a movement and another sale, with sequence numbers, and four prices, all days apart.`,
      'CPU time of the operator with everything kept in memory; bytes of the heap per SKU × node, the SKU included.',
    ],
    metrics: [
      {
        name: 'events',
        unit: '/s',
        better: 'higher',
        target: 80_000,
        samples: measured.map(({ eventsPerSecond }) => eventsPerSecond),
      },
      {
        name: 'bytes_per_key',
        unit: 'B',
        better: 'lower',
        target: BYTES_PER_KEY_MAX,
        isComparable: true,
        samples: measured.map(({ bytesPerKey }) => bytesPerKey),
      },
      {
        name: 'bytes_per_key_of_one_node',
        unit: 'B',
        better: 'lower',
        target: BYTES_PER_KEY_MAX,
        isComparable: true,
        samples: ofOneNode.map(({ bytesPerKey }) => bytesPerKey),
      },
      {
        name: 'busy_events',
        unit: '/s',
        better: 'higher',
        samples: busy.map(({ eventsPerSecond }) => eventsPerSecond),
      },
      {
        name: 'busy_events_in_order',
        unit: '/s',
        better: 'higher',
        samples: inOrder.map(({ eventsPerSecond }) => eventsPerSecond),
      },
    ],
    notes: [
      `bytes_per_key_of_one_node: ${ONE_NODE.skus} SKUs at one node each, which bears what is the SKU's own.`,
      `busy_events: one SKU at one node that keeps ${BUSY.kept} sales, with every second sale up to ${BUSY.disorderMs / SECOND_MS} s out of order, five sales back.`,
    ],
  };
}

function runBusy(input: BusyInput): Promise<BusyRun> {
  return runChild<BusyRun>(BUSY_SCRIPT, { input, timeoutMs: TIMEOUT_MS });
}

function runStock(input: StockInput): Promise<StockRun> {
  return runChild<StockRun>(SCRIPT, {
    input,
    timeoutMs: TIMEOUT_MS,
    nodeOptions: ['--expose-gc', '--max-old-space-size=4096'],
  });
}
