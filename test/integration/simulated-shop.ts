import { join } from 'node:path';

import { writeShop } from '../../bench/shop/write.ts';
import { MINUTE_MS } from '../../schemas/time.ts';

/** A time in the past, so that no event is ahead of any clock. */
const START_MS = Date.UTC(2025, 10, 20, 10);

/** A file with the events of a simulated shop, as `weir simulate` writes it; 2 % of them are in it twice. */
export async function writeShopFile(
  directory: string,
  shop: { readonly seed: number; readonly eventsPerSecond: number; readonly minutes: number },
): Promise<{ readonly file: string; readonly lines: number }> {
  const file = join(directory, 'shop.ndjson');
  const { lines } = await writeShop(
    {
      seed: shop.seed,
      eventsPerSecond: shop.eventsPerSecond,
      durationMs: shop.minutes * MINUTE_MS,
      startMs: START_MS,
      duplicateShare: 0.02,
    },
    { file },
  );
  return { file, lines };
}
