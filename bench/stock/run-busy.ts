import { createStockLevels } from '../../processors/stock/operator.ts';
import type { Inventory } from '../../schemas/events/inventory.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { STOCK_LEVELS_CONFIG } from '../../test/doubles/stock-config.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { EMPTY, SILENT, recordAt, saleEvent } from './events.ts';

/** A SKU that sells as often as anything in a large shop. */
export interface BusyInput {
  /** Sales before the measurement: how much is kept. */
  readonly kept: number;
  readonly events: number;
  /** How far out of order every second sale is at most. */
  readonly disorderMs: number;
}

export interface BusyRun {
  readonly eventsPerSecond: number;
}

const START_MS = Date.UTC(2026, 0, 5);
/** Between two sales: 8,192 of them are a fifth of a day, all within the allowed lateness. */
const PACE_MS = 2 * SECOND_MS;
const SKU = 'SKU-0';
const NODE = 'node-0';

const { kept, events, disorderMs } = childInput<BusyInput>();
const operator = createStockLevels(STOCK_LEVELS_CONFIG);
const state = operator.createState();
const count: Inventory = {
  ...EMPTY,
  event_id: 'count',
  occurred_at: START_MS,
  sku: SKU,
  node_id: NODE,
  on_hand: 10 * (kept + events),
};
operator.apply['weir.inventory']?.(state, count, SILENT, recordAt(START_MS));

for (let index = 1; index <= kept; index += 1) sell(index, START_MS + index * PACE_MS);
const started = process.cpuUsage();
for (let index = kept + 1; index <= kept + events; index += 1) {
  // The golden ratio spreads them evenly: the same disorder in every run.
  const share = (index * 0.618_033_988_75) % 1;
  const lateMs = index % 2 === 0 ? Math.floor(share * disorderMs) : 0;
  sell(index, START_MS + index * PACE_MS - lateMs);
}
const { user, system } = process.cpuUsage(started);
await sendResult({
  eventsPerSecond: Math.round(events / ((user + system) / 1e6)),
} satisfies BusyRun);

function sell(index: number, timeMs: number): void {
  const sale = saleEvent(SKU, NODE, { timeMs, eventId: `s${index}` });
  operator.apply['weir.internal.sku']?.(state, sale, SILENT, recordAt(timeMs));
}
