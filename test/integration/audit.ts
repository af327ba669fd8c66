import { audit } from '../../processors/audit.ts';
import { loadConfig } from '../../processors/config.ts';
import { weir } from './command-line.ts';
import { withClickHouse } from './tables.ts';

/** What `weir audit` says of a data directory: its exit code and the views in which rows differ. */
export async function auditOf(dataDir: string): Promise<unknown> {
  const { exitCode, stdout, stderr } = await weir('audit', '--data-dir', dataDir, '--json');
  if (stdout === '') return { exitCode, stderr };
  const report: unknown = JSON.parse(stdout);
  return { exitCode, differing: isReport(report) ? report.results.filter(isDiffering) : report };
}

/** What `auditOf` says when every table is right. */
export const AUDIT_ZERO = { exitCode: 0, differing: [] };

/** The same check within this process, which saves the start of another one: empty when all is right. */
export function differencesOf(dataDir: string): Promise<readonly unknown[]> {
  const config = loadConfig({ file: undefined, environment: {} });
  return withClickHouse(dataDir, async (clickHouse) => {
    const results = await audit((sql, parameters) => clickHouse.query(sql, parameters), config, {
      fromMs: 0,
      toMs: Date.UTC(2200, 0, 1),
    });
    return results.filter(isDiffering);
  });
}

interface Result {
  readonly differences: readonly unknown[];
}

function isDiffering(result: Result): boolean {
  return result.differences.length > 0;
}

function isReport(report: unknown): report is { readonly results: readonly Result[] } {
  return (
    typeof report === 'object' &&
    report !== null &&
    'results' in report &&
    Array.isArray(report.results)
  );
}
