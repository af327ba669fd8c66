import type { Output } from '../../processors/engine/operator/operator.ts';
import { createStockLevels } from '../../processors/stock/operator.ts';
import { WeekProfile } from '../../processors/stock/week-profile.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import type { SkuEvent } from '../../schemas/events/sku-event.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { childInput, sendResult } from '../measure/child.ts';

/** How many SKUs at how many nodes each. */
export interface StockInput {
  readonly skus: number;
  readonly nodes: number;
}

export interface StockRun {
  readonly eventsPerSecond: number;
  readonly bytesPerKey: number;
}

const START_MS = Date.UTC(2026, 0, 5);
/** Between two rounds over all keys: longer than the allowed lateness, so that the one before is folded. */
const ROUND_MS = 2 * DAY_MS;
const ROUNDS = 4;

/** What every event of the bench has in common. */
const EMPTY: Inventory = {
  event_id: '',
  occurred_at: 0,
  source: 'warehouse',
  seq: null,
  sku: '',
  kind: 'count',
  node_id: null,
  channel: null,
  on_hand: null,
  reserved: null,
  safety: null,
  quantity: null,
  lead_time_days: null,
  due_at: null,
  price_minor: null,
  currency: null,
  tax_included: null,
  promo_id: null,
  capacity: null,
  used: null,
};

const SILENT: Output = {
  add: () => undefined,
  upsert: () => undefined,
  append: () => undefined,
  forward: () => undefined,
  broadcast: () => undefined,
  wakeAt: () => undefined,
  count: () => undefined,
};

const { skus, nodes } = childInput<StockInput>();
const operator = createStockLevels({
  allowedLatenessMs: DAY_MS,
  sequenceGaps: true,
  owners: {},
  rules: { profile: new WeekProfile(), leadTimeMs: 5 * DAY_MS, reviewPeriodMs: DAY_MS },
  substitutionShare: 0,
  priceChannel: 'dtc',
});
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const states = new Map<string, unknown>();
let events = 0;
let cpuUs = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  const started = process.cpuUsage();
  for (let sku = 0; sku < skus; sku += 1) takeRound(`SKU-${sku}`, round);
  const { user, system } = process.cpuUsage(started);
  cpuUs += user + system;
}
globalThis.gc?.();
const result: StockRun = {
  eventsPerSecond: Math.round(events / (cpuUs / 1e6)),
  bytesPerKey: Math.round((process.memoryUsage().heapUsed - before) / (skus * nodes)),
};
await sendResult(result);
// Held until it was measured.
states.clear();

/** A count, or by turns a sale and a movement, at every node, and a price. */
function takeRound(sku: string, round: number): void {
  let state = states.get(sku);
  if (state === undefined) {
    state = operator.createState();
    states.set(sku, state);
  }
  const roundMs = START_MS + round * ROUND_MS;
  const record = {
    topic: 'weir.inventory',
    partition: 0,
    offset: 0,
    appendedAtMs: roundMs,
    watermarkMs: roundMs - 1,
  } as const;
  const takeInventory = operator.apply['weir.inventory'];
  const takeSkuEvent = operator.apply['weir.internal.sku'];
  for (let index = 0; index < nodes; index += 1) {
    const node = `node-${index}`;
    const timeMs = roundMs + index;
    if (round % 2 === 1) takeSkuEvent?.(state, saleEvent(sku, node, timeMs), SILENT, record);
    else takeInventory?.(state, unitsEvent(sku, node, { timeMs, round }), SILENT, record);
  }
  takeInventory?.(state, priceEvent(sku, roundMs), SILENT, record);
  events += nodes + 1;
}

function unitsEvent(
  sku: string,
  node: string,
  { timeMs, round }: { readonly timeMs: number; readonly round: number },
): Inventory {
  const isCount = round === 0;
  return {
    ...EMPTY,
    event_id: `${sku}/${node}/${round}`,
    occurred_at: timeMs,
    sku,
    node_id: node,
    seq: 1 + round / 2,
    kind: isCount ? 'count' : 'movement',
    on_hand: isCount ? 100 : null,
    quantity: isCount ? null : round,
  };
}

function saleEvent(sku: string, node: string, timeMs: number): SkuEvent {
  return {
    event_id: `${sku}/${node}/${timeMs}`,
    occurred_at: timeMs,
    source: 'order-lines',
    sku,
    kind: 'sold',
    node_id: node,
    quantity: 1,
    demand: 1,
    order_id: null,
    sales_channel: null,
    alert_id: null,
    actor: null,
  };
}

function priceEvent(sku: string, timeMs: number): Inventory {
  return {
    ...EMPTY,
    event_id: `${sku}/${timeMs}`,
    occurred_at: timeMs,
    sku,
    kind: 'price',
    price_minor: 1_000,
    currency: 'EUR',
  };
}
