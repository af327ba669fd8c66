import { MINUTE_MS } from '../schemas/time.ts';
import { runChild } from './measure/child.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';
import type { PricesInput, PricesRun } from './prices/run-prices.ts';

const SCRIPT = new URL('prices/run-prices.ts', import.meta.url);
const EVENTS = 600_000;
const TIMEOUT_MS = 5 * MINUTE_MS;
const EVENTS_PER_SECOND_MIN = 80_000;
const BYTES_PER_KEY_MAX = 400;

/** The price parity operator alone, on decoded events. */
export async function bench({ runs, events = EVENTS }: BenchOptions): Promise<BenchResult> {
  const measured: PricesRun[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input: PricesInput = { events };
    measured.push(
      await runChild<PricesRun>(SCRIPT, {
        input,
        timeoutMs: TIMEOUT_MS,
        nodeOptions: ['--expose-gc'],
      }),
    );
  }
  return {
    bench: 'prices',
    about: [
      `${events} price events, a hundredth of them late, of 50,000 SKUs on four channels, one of them in another currency, through the parity operator; CPU time of one process.`,
      'A key is a SKU × channel, the reference channel among them; bytes are what the heap has grown by with one price each.',
    ],
    metrics: [
      {
        name: 'prices_per_second',
        unit: 'events/s',
        better: 'higher',
        target: EVENTS_PER_SECOND_MIN,
        samples: measured.map(({ eventsPerSecond }) => eventsPerSecond),
      },
      {
        name: 'bytes_per_key',
        unit: 'B',
        better: 'lower',
        isComparable: true,
        target: BYTES_PER_KEY_MAX,
        samples: measured.map(({ bytesPerKey }) => bytesPerKey),
      },
      {
        name: 'round_per_sku',
        unit: 'µs',
        better: 'lower',
        samples: measured.map(({ roundUsPerSku }) => roundUsPerSku),
      },
    ],
    notes: ['round_per_sku is what a new exchange rate costs for each SKU that it concerns.'],
  };
}
