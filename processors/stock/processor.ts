import type { AlertOwners } from '../../schemas/alert.ts';
import type { Processor } from '../engine/operator/processor.ts';
import { createStockLevels } from './operator.ts';
import { createOrderLines } from './order-lines.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from './row.ts';

/** What the stock processor may be told. */
export interface StockConfig {
  /** How far behind the watermark an event may still arrive, milliseconds. */
  readonly allowedLatenessMs: number;
  /** How long after its newest event an order is remembered for returns, milliseconds. */
  readonly returnsKeptMs: number;
  /** Whether a missing sequence number makes a node STALE; see `docs/stock.md`. */
  readonly sequenceGaps: boolean;
  /** Who is responsible for each kind of incident. */
  readonly owners: AlertOwners;
}

/** Stock per SKU × node, and one incident per stockout. */
export function createStock(config: StockConfig): Processor {
  return {
    name: 'stock',
    operators: [createOrderLines(config), createStockLevels(config)],
    tables: [STOCK_CURRENT, STOCK_INCIDENTS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
