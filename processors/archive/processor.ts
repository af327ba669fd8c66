import type { Processor } from '../engine/operator/processor.ts';
import { archiveInventory, archiveReference, archiveVisitors } from './operator.ts';
import { CLICKS_LOG, INVENTORY_LOG, ORDERS_LOG, ORDER_LINES_LOG, REFERENCE_LOG } from './row.ts';

/**
 * Every accepted event as a row: `weir.clicks`, `weir.orders`, `weir.order_lines`, `weir.inventory`
 * and `weir.reference`. What the other processors compute can be recomputed from them.
 */
export function createArchive(): Processor {
  return {
    name: 'archive',
    operators: [archiveVisitors, archiveInventory, archiveReference],
    tables: [CLICKS_LOG, ORDERS_LOG, ORDER_LINES_LOG, INVENTORY_LOG, REFERENCE_LOG],
    migrations: ['table.sql', 'visitors.sql'].map((file) => new URL(file, import.meta.url)),
  };
}
