import type { Processor } from '../engine/operator/processor.ts';
import { type FulfilmentConfig, createFulfilmentOperator } from './operator.ts';
import { FULFILMENT_1H, FULFILMENT_REASONS_1H } from './row.ts';

/** Delivery promises per zone and node, cycle times, and why orders come back. */
export function createFulfilment(config: FulfilmentConfig): Processor {
  return {
    name: 'fulfilment',
    operators: [createFulfilmentOperator(config)],
    tables: [FULFILMENT_1H, FULFILMENT_REASONS_1H],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
