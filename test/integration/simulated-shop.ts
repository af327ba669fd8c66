import { join } from 'node:path';
import { writeShop } from '../../bench/shop/write.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { weir } from './command-line.ts';

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

/** What `weir audit` says of a data directory: its exit code and the rows that differ, by view. */
export async function auditOf(dataDir: string): Promise<unknown> {
  const { exitCode, stdout, stderr } = await weir('audit', '--data-dir', dataDir, '--json');
  if (stdout === '') return { exitCode, stderr };
  const report: unknown = JSON.parse(stdout);
  return { exitCode, report: differing(report) };
}

/** What `auditOf` says when every table is right. */
export const AUDIT_ZERO = { exitCode: 0, report: [] };

function differing(report: unknown): unknown {
  if (typeof report !== 'object' || report === null || !('results' in report) || !Array.isArray(report.results)) return report;
  return report.results.filter((result: { readonly differences: readonly unknown[] }) => result.differences.length > 0);
}
