import { expect, test } from 'vitest';

import { SECOND_MS } from '../../schemas/time.ts';
import { judgeShop } from './judge-shop.ts';
import { runStockShop } from './shop-run.ts';

const DAYS = 6;
const PHANTOMS = 12;

/** The hours of the day as another shop's orders spread over them. */
const PROFILE = runStockShop({ seed: 1, days: 2, phantomCount: 0, profile: [] }).unitsByHour;

// `npm run bench -- stock-truth` has three seeds and more days.
test(
  'stockouts of a simulated shop are foreseen, rates known and phantoms found',
  () => {
    const shop = runStockShop({ seed: 11, days: DAYS, phantomCount: PHANTOMS, profile: PROFILE });
    const judgement = judgeShop(shop);
    expect(judgement.stockouts).toBeGreaterThan(30);
    expect(judgement.foreseen / judgement.stockouts).toBeGreaterThanOrEqual(0.9);
    expect(judgement.told / judgement.stockouts).toBeGreaterThanOrEqual(0.85);
    expect((100 * judgement.falseRisks) / judgement.skuDays).toBeLessThanOrEqual(1);
    expect(judgement.knownRates / judgement.rates).toBeGreaterThanOrEqual(0.93);
    expect(judgement.phantoms).toBe(PHANTOMS);
    expect(judgement.foundPhantoms / judgement.phantoms).toBeGreaterThanOrEqual(0.6);
    expect(1 - judgement.foundPhantoms / judgement.suspects).toBeLessThanOrEqual(0.1);
  },
  120 * SECOND_MS,
);
