import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, bench } from 'vitest';

import { MINUTE_MS } from '../../schemas/time.ts';
import { writeShop } from './write.ts';

/** About 120,000 events of an ordinary shop: long enough for the compiler to have done its work. */
const OPTIONS = { eventsPerSecond: 2_000, durationMs: MINUTE_MS };

const directory = mkdtempSync(join(tmpdir(), 'weir-shop-'));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

bench(
  'a minute of a shop with 2,000 events a second, as NDJSON to a file with its truth',
  async () => {
    await writeShop(OPTIONS, {
      file: join(directory, 'shop.ndjson'),
      truthFile: join(directory, 'shop.truth.ndjson'),
    });
  },
  { iterations: 5, warmupIterations: 1, time: 0, warmupTime: 0 },
);
