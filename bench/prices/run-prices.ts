import type { Output, RecordContext } from '../../processors/engine/operator/operator.ts';
import { createParityOperator } from '../../processors/parity/operator.ts';
import { erase } from '../../schemas/brand.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { buildInventory, buildRate } from '../../test/laws/event-builders.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { startCost } from '../measure/cost.ts';
import { CountingOutput } from '../measure/counting-output.ts';
import { Random } from '../shop/random.ts';

export interface PricesInput {
  readonly events: number;
}

export interface PricesRun {
  readonly eventsPerSecond: number;
  readonly bytesPerKey: number;
  readonly roundUsPerSku: number;
}

const SKUS = 50_000;
const CHANNELS = ['dtc', 'amazon', 'messaging', 'retail'];
const START_MS = Date.UTC(2026, 0, 5);
/** Two thirds of the prices stay within the tolerance of one percent of an unmoved reference. */
const PRICE_SPREAD = 0.015;
const SECOND_US = 1_000_000;
const LATE_SHARE = 0.01;
const LATE_MS_MAX = 6 * HOUR_MS;
/** Made and taken together: a list of all events would be most of what the collector goes over. */
const BATCH_EVENTS = 2_000;
/** Event time in which every SKU × channel has a new price once. */
const TURN_MS = 12 * HOUR_MS;

/** The operator's functions, with the types that the engine's list forgets. */
interface Parity {
  readonly createState: () => unknown;
  readonly apply: {
    readonly 'weir.inventory': (
      state: unknown,
      event: Inventory,
      output: Output,
      record: RecordContext,
      facts: unknown,
    ) => void;
  };
  readonly facts: {
    readonly create: () => unknown;
    readonly take: (facts: unknown, event: SkuEvent, record: object) => boolean;
  };
  readonly wake: (state: unknown, sku: string, output: Output, context: object) => boolean;
}

const parity = erase<Parity>(
  createParityOperator({
    allowedLatenessMs: DAY_MS,
    referenceChannel: 'dtc',
    toleranceBasisPoints: 100,
    fxBandBasisPoints: 200,
    dwellMs: 10 * MINUTE_MS,
    staleAfterMs: 7 * DAY_MS,
    taxBasisPointsOf: new Map(),
    owners: {},
  }),
);

const random = new Random(1, 'prices');
const output = new CountingOutput();
const facts = parity.facts.create();
const states: unknown[] = [];

function rateAt(timeMs: number, rate: number): void {
  const event = buildRate({ event_id: `rate-${timeMs}`, occurred_at: timeMs, rate });
  parity.facts.take(facts, event, { watermarkMs: timeMs - MINUTE_MS });
}

/** Text as a decoder makes it: not a rope of the pieces that it was put together from. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function priceEvent(index: number, timeMs: number): Inventory {
  const channel = CHANNELS[index % CHANNELS.length] ?? '';
  const change = 1 + random.between(-PRICE_SPREAD, PRICE_SPREAD);
  const isForeign = channel === 'retail';
  return buildInventory({
    event_id: flat(`9eefa35060-${index}`),
    occurred_at: timeMs,
    sku: `SKU-${Math.floor(index / CHANNELS.length) % SKUS}`,
    kind: 'price',
    channel,
    on_hand: null,
    price_minor: Math.round((isForeign ? 49_700 : 10_000) * change),
    currency: isForeign ? 'RON' : 'EUR',
  });
}

/** The price that comes at a place of the bench, spread over the SKUs: those next to each other in time are not next to each other in memory. */
function pricedAt(
  index: number,
  keys: number,
): { readonly sku: number; readonly event: Inventory; readonly watermarkMs: number } {
  const place = (index * 7_919) % keys;
  const nowMs = START_MS + HOUR_MS + Math.floor((index / keys) * TURN_MS);
  const lateMs = random.chance(LATE_SHARE) ? random.between(0, LATE_MS_MAX) : 0;
  const event = {
    ...priceEvent(place, Math.floor(Math.max(START_MS + keys, nowMs - lateMs))),
    event_id: flat(`9eefa35061-${index}`),
  };
  return { sku: Math.floor(place / CHANNELS.length), event, watermarkMs: nowMs - MINUTE_MS };
}

function apply(sku: number, event: Inventory, watermarkMs: number): void {
  let state = states[sku];
  if (state === undefined) {
    state = parity.createState();
    states[sku] = state;
  }
  const record: RecordContext = {
    topic: 'weir.inventory',
    partition: 0,
    offset: 0,
    appendedAtMs: event.occurred_at,
    watermarkMs,
  };
  parity.apply['weir.inventory'](state, event, output, record, facts);
}

function heapBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function run({ events }: PricesInput): PricesRun {
  const keys = SKUS * CHANNELS.length;
  rateAt(START_MS, 4.97);
  const emptyBytes = heapBytes();
  for (let index = 0; index < keys; index += 1) {
    const sku = Math.floor(index / CHANNELS.length);
    apply(sku, priceEvent(index, START_MS + index), START_MS - MINUTE_MS);
  }
  const bytesPerKey = (heapBytes() - emptyBytes) / keys;
  const spent = { cpuUs: 0, endMs: START_MS };
  for (let from = 0; from < events; from += BATCH_EVENTS) {
    const batch = Array.from({ length: Math.min(BATCH_EVENTS, events - from) }, (_, index) =>
      pricedAt(from + index, keys),
    );
    const before = process.cpuUsage();
    for (const { sku, event, watermarkMs } of batch) apply(sku, event, watermarkMs);
    const { user, system } = process.cpuUsage(before);
    spent.cpuUs += user + system;
    spent.endMs = batch.at(-1)?.watermarkMs ?? spent.endMs;
  }
  rateAt(spent.endMs, 5);
  const round = startCost();
  for (const [sku, state] of states.entries()) {
    parity.wake(state, `SKU-${sku}`, output, { watermarkMs: spent.endMs, facts });
  }
  return {
    eventsPerSecond: (events * SECOND_US) / spent.cpuUs,
    bytesPerKey,
    roundUsPerSku: (round().userMs * SECOND_MS) / states.length,
  };
}

await sendResult(run(childInput<PricesInput>()));
