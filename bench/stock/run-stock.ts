import { createStockLevels } from '../../processors/stock/operator.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { DAY_MS } from '../../schemas/time.ts';
import { STOCK_LEVELS_CONFIG } from '../../test/doubles/stock-config.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { EMPTY, SILENT, recordAt, saleEvent } from './events.ts';

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

const { skus, nodes } = childInput<StockInput>();
const operator = createStockLevels(STOCK_LEVELS_CONFIG);
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
  const record = recordAt(roundMs);
  const takeInventory = operator.apply['weir.inventory'];
  const takeSkuEvent = operator.apply['weir.internal.sku'];
  for (let index = 0; index < nodes; index += 1) {
    const node = `node-${index}`;
    const timeMs = roundMs + index;
    if (round % 2 === 1)
      takeSkuEvent?.(
        state,
        saleEvent(sku, node, { timeMs, eventId: `${sku}/${node}/${timeMs}` }),
        SILENT,
        record,
      );
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
