import type { Processor } from '../engine/operator/processor.ts';
import { alertActs, decisionActs } from './operator.ts';
import { ACTS_LOG } from './row.ts';

/**
 * What people have done: `weir.audit_log`. Its view also has what reference events and lift tests say
 * of people, so it comes after the tables of these.
 */
export function createActs(): Processor {
  return {
    name: 'acts',
    operators: [decisionActs, alertActs],
    tables: [ACTS_LOG],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
