import type { Processor } from '../engine/operator/processor.ts';
import { type BandConfig, createBandOperator } from './band-operator.ts';
import { type CapacityConfig, createCapacityOperator } from './capacity-operator.ts';
import { type FulfilmentConfig, createFulfilmentOperator } from './operator.ts';
import { FULFILMENT_1H, FULFILMENT_REASONS_1H, NODE_CAPACITY } from './row.ts';

/** Delivery promises per zone and node, cycle times, why orders come back, and room at the nodes. */
export function createFulfilment(
  config: FulfilmentConfig & CapacityConfig & BandConfig,
): Processor {
  return {
    name: 'fulfilment',
    operators: [
      createFulfilmentOperator(config),
      createCapacityOperator(config),
      createBandOperator(config),
    ],
    tables: [FULFILMENT_1H, FULFILMENT_REASONS_1H, NODE_CAPACITY],
    migrations: ['table.sql', 'bands.sql', 'capacity.sql'].map(
      (file) => new URL(file, import.meta.url),
    ),
  };
}
