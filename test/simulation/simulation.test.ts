import { expect, test } from 'vitest';

import { COUNT, FIRST_SEED, TIMEOUT_MS, report } from './budget.ts';
import { FAULTS, type Fault } from './faults.ts';
import seeds from './seeds.json' with { type: 'json' };
import { simulate } from './simulate.ts';

test('seeds that once found a defect pass', async () => {
  for (const { seed } of seeds) {
    const outcome = await simulate(seed);
    expect(outcome.failure, report(outcome)).toBeUndefined();
  }
});

test(
  `${COUNT} seeds of events and faults: the tables end as the events make them`,
  async () => {
    const fired = new Map<Fault, number>();
    let crashes = 0;
    let stalls = 0;
    let waits = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
      const outcome = await simulate(seed);
      expect(outcome.failure, report(outcome)).toBeUndefined();
      crashes += outcome.crashes;
      stalls += outcome.stalls;
      waits += outcome.waits;
      for (const fault of FAULTS)
        fired.set(fault, (fired.get(fault) ?? 0) + outcome.faults.fired[fault]);
    }
    const counted = [...fired].map(([fault, count]) => `${fault} ${count}`).join(', ');
    process.stdout.write(`${crashes} crashes, ${stalls} stalls, ${waits} waits; ${counted}\n`);
    if (COUNT < 100) return;
    expect(crashes).toBeGreaterThan(COUNT / 4);
    expect(stalls, 'viewers that stood still').toBeGreaterThan(COUNT / 4);
    expect(waits, 'steps that waited for ClickHouse').toBeGreaterThan(COUNT / 4);
    for (const fault of FAULTS) expect(fired.get(fault), `${fault} never fired`).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
