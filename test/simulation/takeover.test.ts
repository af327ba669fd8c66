import { expect, test } from 'vitest';

import { FIRST_SEED, TAKEOVER_COUNT, TIMEOUT_MS, report } from './budget.ts';
import { type Fault, TAKEOVER_FAULTS } from './faults.ts';
import { simulate } from './simulate.ts';

test(
  `${TAKEOVER_COUNT} seeds of processes that take over from each other through a changelog: the tables end as the events make them`,
  async () => {
    const fired = new Map<Fault, number>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + TAKEOVER_COUNT; seed += 1) {
      const outcome = await simulate(seed, { hasChangelog: true });
      expect(outcome.failure, report(outcome)).toBeUndefined();
      for (const fault of TAKEOVER_FAULTS)
        fired.set(fault, (fired.get(fault) ?? 0) + outcome.faults.fired[fault]);
    }
    if (TAKEOVER_COUNT < 25) return;
    for (const fault of TAKEOVER_FAULTS)
      expect(fired.get(fault), `${fault} never fired`).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
