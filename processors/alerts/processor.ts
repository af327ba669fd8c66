import { ALERTS } from '../../schemas/alert.ts';
import type { Processor } from '../engine/operator/processor.ts';

/**
 * The inbox of incidents. It has no operator: whoever finds an incident writes its row, so that one
 * table holds all kinds; this folder owns the table.
 */
export function createAlerts(): Processor {
  return {
    name: 'alerts',
    operators: [],
    tables: [ALERTS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
