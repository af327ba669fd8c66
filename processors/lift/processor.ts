import type { Processor } from '../engine/operator/processor.ts';
import type { LiftConfig } from './config.ts';
import { createLiftOperator } from './operator.ts';
import { LIFT_COHORTS } from './row.ts';

/** What channels bring that would not have come without them, by randomised holdouts: `weir.lift_daily`. */
export function createLift(config: LiftConfig): Processor {
  return {
    name: 'lift',
    // Without a test no visitor needs to be remembered.
    operators: config.tests.length === 0 ? [] : [createLiftOperator(config)],
    tables: [LIFT_COHORTS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
