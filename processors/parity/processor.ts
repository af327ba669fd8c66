import type { Processor } from '../engine/operator/processor.ts';
import { type ParityConfig, createParityOperator } from './operator.ts';
import { createRatesOperator } from './rates-operator.ts';
import { PARITY_CURRENT, PARITY_SEGMENTS } from './row.ts';

/** Price parity per SKU × channel, and an incident per drift and per silent feed. */
export function createParity(config: ParityConfig): Processor {
  return {
    name: 'parity',
    operators: [createRatesOperator(), createParityOperator(config)],
    tables: [PARITY_CURRENT, PARITY_SEGMENTS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
