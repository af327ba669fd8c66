import type { Outcome } from './simulate.ts';

const RUNS = Number(process.env['RUNS'] ?? 1_000);

/** Seeds per run of the tests; more by RUNS, one by SEED. */
export const FIRST_SEED = Number(process.env['SEED'] ?? 1);
export const COUNT = process.env['SEED'] === undefined ? RUNS : 1;
/** Seeds of several processes: a share, because each takes as long as one of one process. */
export const TAKEOVER_COUNT = Math.ceil((COUNT * 3) / 20);
/** Generous: the whole budget of a run is 90 s on two cores, and the machine may be busy. */
export const TIMEOUT_MS = Math.max(300_000, COUNT * 500);

/** What is told of a seed that failed. */
export function report({ seed, failure, faults, crashes }: Outcome): string {
  return `Seed ${seed} failed after ${crashes} crashes: ${failure}\nFaults: ${faults.describe()}\nReplay: SEED=${seed} npx vitest run test/simulation`;
}
