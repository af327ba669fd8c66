import { expect, test } from 'vitest';

import { FAULTS, type Fault, TAKEOVER_FAULTS } from './faults.ts';
import seeds from './seeds.json' with { type: 'json' };
import { type Outcome, simulate } from './simulate.ts';
import { VARIANTS } from './variants.ts';

/** Seeds per run of the tests; more by RUNS, one by SEED. */
const RUNS = Number(process.env['RUNS'] ?? 1_000);
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const COUNT = process.env['SEED'] === undefined ? RUNS : 1;
/** Seeds of several processes: a share, because each takes as long as one of one process. */
const TAKEOVER_COUNT = Math.ceil((COUNT * 3) / 20);
/** Generous: the whole budget of a run is 90 s on two cores, and the machine may be busy. */
const TIMEOUT_MS = Math.max(300_000, COUNT * 500);
/** Seeds that every deliberate defect has to be noticed. */
const VARIANT_SEEDS_MAX = 300;

function report({ seed, failure, faults, crashes }: Outcome): string {
  return `Seed ${seed} failed after ${crashes} crashes: ${failure}\nFaults: ${faults.describe()}\nReplay: SEED=${seed} npx vitest run test/simulation`;
}

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
    for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
      const outcome = await simulate(seed);
      expect(outcome.failure, report(outcome)).toBeUndefined();
      crashes += outcome.crashes;
      for (const fault of FAULTS)
        fired.set(fault, (fired.get(fault) ?? 0) + outcome.faults.fired[fault]);
    }
    if (COUNT < 100) return;
    expect(crashes).toBeGreaterThan(COUNT / 4);
    for (const fault of FAULTS) expect(fired.get(fault), `${fault} never fired`).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

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

test('the same seed gives the same trace', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const { traceHash } = await simulate(seed);
    expect((await simulate(seed)).traceHash).toBe(traceHash);
  }
});

test.each(VARIANTS)('the simulation notices when $name', async (variant) => {
  for (let seed = 1; seed <= VARIANT_SEEDS_MAX; seed += 1) {
    const { hasChangelog = false } = variant;
    if ((await simulate(seed, { variant, hasChangelog })).failure !== undefined) return;
  }
  expect.fail(`${VARIANT_SEEDS_MAX} seeds passed although ${variant.name}`);
});
