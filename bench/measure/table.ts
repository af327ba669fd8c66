import { type Comparison, compare, type readBaseline } from './baseline.ts';
import { type BenchResult, type Metric, medianOf } from './result.ts';

/** The result of one bench as lines: what was measured, a row per figure, the notes. */
export function resultLines(
  { bench, about, metrics, notes }: BenchResult,
  baseline: ReturnType<typeof readBaseline>,
): readonly string[] {
  const rows = [
    ['figure', 'median', 'lowest', 'highest', 'unit', 'target', 'baseline'],
    ...metrics.map((metric) => rowOf(metric, compare(baseline, bench, metric))),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return ['', bench, ...about, '', ...lines, '', ...notes];
}

/** Median, lowest and highest stand under one another by their last digit. */
function isNumber(column: number): boolean {
  return column >= 1 && column <= 3;
}

function rowOf(metric: Metric, comparison: Comparison | undefined): readonly string[] {
  const { name, samples, unit, target, better } = metric;
  const median = medianOf(samples);
  const isMet = target !== undefined && (better === 'lower' ? median <= target : median >= target);
  return [
    name,
    number(median),
    number(Math.min(...samples)),
    number(Math.max(...samples)),
    unit,
    target === undefined
      ? ''
      : `${better === 'lower' ? '≤' : '≥'} ${number(target)}${isMet ? '' : ', missed'}`,
    comparison === undefined
      ? ''
      : `${number(comparison.baseline)} (× ${comparison.ratio.toFixed(2)}${comparison.isWorse ? ', worse' : ''})`,
  ];
}

function number(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 2);
}
