import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Random } from '../../bench/shop/random.ts';
import { AUDIT_ZERO, auditOf } from './audit.ts';
import { startWeir, temporaryDirectory, weir } from './command-line.ts';
import { writeShopFile } from './simulated-shop.ts';
import { tablesOf } from './tables.ts';

/** Which moments, and which shop. */
const SEED = Number(process.env['SEED'] ?? 20_261_120);
const KILLS = Number(process.env['KILLS'] ?? 20);
/** Latest moment, as a share of the shortest import that ended by itself: later ones are mostly too late. */
const MOMENT_MAX = 0.6;
/** An import that ends before its moment comes is not counted as killed, and more of them are tried. */
const ATTEMPTS_MAX = 2 * KILLS;
const TIMEOUT_MS = 30_000 + KILLS * 15_000;

test(
  `an import that is killed ${KILLS} times at random moments and then finishes leaves the tables of an undisturbed one`,
  async () => {
    const directory = temporaryDirectory();
    const { file, lines } = await writeShopFile(directory, {
      seed: SEED,
      eventsPerSecond: 100,
      minutes: 2,
    });

    const calmDir = join(directory, 'calm');
    const startedAtMs = performance.now();
    const calm = await weir('import', 'ndjson', file, '--data-dir', calmDir, '--json');
    const calmMs = performance.now() - startedAtMs;
    expect(calm).toMatchObject({ exitCode: 0, stderr: '' });

    const dataDir = join(directory, 'killed');
    const random = new Random(SEED, 'moments');
    let killed = 0;
    let shortestMs = calmMs;
    const moments: number[] = [];
    const failures: unknown[] = [];
    for (let attempt = 0; attempt < ATTEMPTS_MAX && killed < KILLS; attempt += 1) {
      const momentMs = Math.round(random.between(0, MOMENT_MAX * shortestMs));
      moments.push(momentMs);
      const begunAtMs = performance.now();
      const { child, finished } = startWeir([
        'import',
        'ndjson',
        file,
        '--data-dir',
        dataDir,
        '--json',
      ]);
      const moment = new AbortController();
      const [{ signal, exitCode, stderr }] = await Promise.all([
        finished.finally(() => moment.abort()),
        wait(momentMs, undefined, { signal: moment.signal }).then(
          () => child.kill('SIGKILL'),
          () => false,
        ),
      ]);
      if (signal === 'SIGKILL') killed += 1;
      else if (exitCode !== 0) failures.push({ attempt, exitCode, stderr });
      // Less is left to import now, and what is repeated goes faster.
      else shortestMs = Math.min(shortestMs, performance.now() - begunAtMs);
    }
    process.stdout.write(`${lines} events, seed ${SEED}: killed after ${moments.join(', ')} ms\n`);
    expect(failures).toEqual([]);
    expect(killed, 'imports that a signal ended').toBe(KILLS);

    const last = await weir('import', 'ndjson', file, '--data-dir', dataDir, '--json');
    expect(last).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await tablesOf(dataDir), `seed ${SEED}`).toEqual(await tablesOf(calmDir));
    expect(await auditOf(dataDir)).toEqual(AUDIT_ZERO);
  },
  TIMEOUT_MS,
);
