import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { erase } from '../../schemas/brand.ts';
import { type BenchResult, type Metric, medianOf } from './result.ts';

/** Medians by bench and metric; only figures that mean the same on every machine. */
type Baseline = Readonly<Record<string, Readonly<Record<string, number>>>>;

const FILE = new URL('../baseline.json', import.meta.url);

/** How much worse a median may be: what five runs differ by on a machine that does other things too. */
const TOLERANCE_RATIO = 1.25;

/** What the comparison says of one figure; `isWorse` beyond the tolerance. */
export interface Comparison {
  readonly baseline: number;
  /** This median over the baseline. */
  readonly ratio: number;
  readonly isWorse: boolean;
}

/** Compares a figure with the baseline; undefined where there is nothing to compare. */
export function compare(baseline: Baseline, bench: string, metric: Metric): Comparison | undefined {
  const before = baseline[bench]?.[metric.name];
  if (before === undefined || metric.isComparable !== true) return undefined;
  const ratio = medianOf(metric.samples) / before;
  const loss = metric.better === 'lower' ? ratio : 1 / ratio;
  return { baseline: before, ratio, isWorse: loss > TOLERANCE_RATIO };
}

export function readBaseline(): Baseline {
  // Written by `saveBaseline`; a wrong file shows as figures without a comparison.
  return existsSync(FILE) ? erase<Baseline>(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
}

/** Takes the results over as the baseline; benches that did not run keep theirs. */
export function saveBaseline(results: readonly BenchResult[]): void {
  const saved: Record<string, Readonly<Record<string, number>>> = { ...readBaseline() };
  for (const { bench, metrics } of results) {
    saved[bench] = Object.fromEntries(
      metrics
        .filter(({ isComparable }) => isComparable === true)
        .map(({ name, samples }) => [name, Number(medianOf(samples).toPrecision(4))]),
    );
  }
  writeFileSync(FILE, `${JSON.stringify(saved, undefined, 2)}\n`);
}
