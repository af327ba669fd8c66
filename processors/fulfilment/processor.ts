import type { Processor } from '../engine/operator/processor.ts';
import { type CapacityConfig, createCapacityOperator } from './capacity-operator.ts';
import { type FulfilmentConfig, createFulfilmentOperator } from './operator.ts';
import { FULFILMENT_1H, FULFILMENT_REASONS_1H, NODE_CAPACITY } from './row.ts';

/** Delivery promises per zone and node, cycle times, why orders come back, and room at the nodes. */
export function createFulfilment(config: FulfilmentConfig & CapacityConfig): Processor {
  return {
    name: 'fulfilment',
    operators: [createFulfilmentOperator(config), createCapacityOperator(config)],
    tables: [FULFILMENT_1H, FULFILMENT_REASONS_1H, NODE_CAPACITY],
    migrations: [new URL('table.sql', import.meta.url), new URL('capacity.sql', import.meta.url)],
  };
}
