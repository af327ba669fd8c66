import { type Judgement, judgeShop } from '../test/stock/judge-shop.ts';
import { runStockShop } from '../test/stock/shop-run.ts';
import type { BenchOptions, BenchResult } from './measure/result.ts';

/** Not the seeds that thresholds were chosen with: those are 1 to 6. */
const FIRST_SEED = 21;
const DAYS = 11;
const PHANTOMS = 12;
const PER_SKU_DAYS = 100;

/** How right the stock processor is about a simulated shop whose truth is known; a seed is a run. */
export async function bench({ runs }: BenchOptions): Promise<BenchResult> {
  // The hours of the day as another shop's orders spread over them.
  const { unitsByHour: profile } = runStockShop({ seed: 1, days: 2, phantomCount: 0, profile: [] });
  const judged = Array.from({ length: runs }, (_, run) =>
    judgeShop(
      runStockShop({ seed: FIRST_SEED + run, days: DAYS, phantomCount: PHANTOMS, profile }),
    ),
  );
  const share = (
    name: string,
    target: number,
    of: (judgement: Judgement) => number,
    better: 'higher' | 'lower' = 'higher',
  ): BenchResult['metrics'][number] => ({
    name,
    unit: '',
    better,
    target,
    samples: judged.map(of),
  });
  return {
    bench: 'stock-truth',
    about: [
      `${runs} shops of ${DAYS} days, 60 SKUs at two nodes, seeds ${FIRST_SEED} to ${FIRST_SEED + runs - 1}; the first day is not judged. A lead time is an hour and a half to three hours.`,
      `Judged: ${judged.map(({ stockouts, risks }) => `${stockouts} stockouts and ${risks} incidents`).join(', ')}.`,
    ],
    metrics: [
      share('foreseen', 0.9, ({ foreseen, stockouts }) => foreseen / stockouts),
      share('told', 0.85, ({ told, stockouts }) => told / stockouts),
      share(
        'false_risks',
        1,
        ({ falseRisks, skuDays }) => (PER_SKU_DAYS * falseRisks) / skuDays,
        'lower',
      ),
      share('rates_known', 0.93, ({ knownRates, rates }) => knownRates / rates),
      share('phantoms_found', 0.6, ({ foundPhantoms, phantoms }) => foundPhantoms / phantoms),
      share(
        'false_phantoms',
        0.1,
        ({ foundPhantoms, suspects }) => 1 - foundPhantoms / Math.max(1, suspects),
        'lower',
      ),
      {
        name: 'false_phantoms_pooled',
        unit: '',
        better: 'lower',
        target: 0.1,
        samples: [1 - totalOf(judged, 'foundPhantoms') / totalOf(judged, 'suspects')],
      },
    ],
    notes: [
      'false_phantoms_pooled: of all shops together, which is what the procedure bounds; one shop has a dozen, so a single false one is 8 %.',
      'foreseen: AT_RISK a fifth of the lead time before; told: an incident was open then. false_risks: incidents during which nothing ran out, per 100 SKU-days.',
      'rates_known: true rates inside their 95 % interval.',
    ],
  };
}

function totalOf(judged: readonly Judgement[], count: 'foundPhantoms' | 'suspects'): number {
  return judged.reduce((sum, judgement) => sum + judgement[count], 0);
}
