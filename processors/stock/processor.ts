import type { AlertOwners } from '../../schemas/alert.ts';
import type { Processor } from '../engine/operator/processor.ts';
import { createStockLevels } from './operator.ts';
import { createOrderLines } from './order-lines.ts';
import { STOCK_CURRENT, STOCK_INCIDENTS } from './row.ts';
import { WeekProfile } from './week-profile.ts';

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
  /** From an order to its delivery, where no event names it, milliseconds. */
  readonly leadTimeMs: number;
  /** Between two looks at whether to order, milliseconds. */
  readonly reviewPeriodMs: number;
  /** Weights of the 24 hours of every day or the 168 of a week; none for an even spread. */
  readonly profile: readonly number[];
  /** Share of lost sales that another item takes over, 0 to 1. */
  readonly substitutionShare: number;
  /** The channel whose list prices lost sales are valued at. */
  readonly priceChannel: string;
}

/** Stock per SKU × node, and one incident per stockout. */
export function createStock(config: StockConfig): Processor {
  const rules = {
    profile: new WeekProfile(config.profile),
    leadTimeMs: config.leadTimeMs,
    reviewPeriodMs: config.reviewPeriodMs,
  };
  return {
    name: 'stock',
    operators: [createOrderLines(config), createStockLevels({ ...config, rules })],
    tables: [STOCK_CURRENT, STOCK_INCIDENTS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
