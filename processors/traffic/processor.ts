import type { Processor } from '../engine/operator/processor.ts';
import { createTrafficOperator } from './operator.ts';
import {
  BOT_CLICKS_1M,
  BOT_WITHDRAWALS_1M,
  CHANNEL_1M,
  CHANNEL_VISITORS_1D,
  CHANNEL_VISITORS_1H,
  REGION_1H,
} from './row.ts';
import { createSalesOperator } from './sales.ts';
import { createSpendOperator } from './spend.ts';

export interface TrafficConfig {
  /** Longest pause within a session, milliseconds; at least a minute. */
  readonly sessionGapMs: number;
  /** How long after a window's end an event may still correct it, milliseconds. */
  readonly allowedLatenessMs: number;
  /** How far behind the watermark a verdict may still withdraw clicks, beyond the lateness; milliseconds. */
  readonly withdrawalReachMs: number;
  /** How long after an order's latest event a return or cancellation still belongs to it, milliseconds. */
  readonly returnsKeptMs: number;
}

/** Traffic, sales and spend per channel: `weir.channel_1m` and its larger windows; sales per region: `weir.region_1h`. */
export function createTraffic(config: TrafficConfig): Processor {
  return {
    name: 'traffic',
    operators: [createTrafficOperator(config), createSalesOperator(config), createSpendOperator()],
    tables: [
      CHANNEL_1M,
      CHANNEL_VISITORS_1H,
      CHANNEL_VISITORS_1D,
      REGION_1H,
      BOT_CLICKS_1M,
      BOT_WITHDRAWALS_1M,
    ],
    migrations: [
      new URL('table.sql', import.meta.url),
      new URL('regions.sql', import.meta.url),
      new URL('bot-clicks.sql', import.meta.url),
    ],
  };
}
