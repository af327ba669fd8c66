import { Command } from 'commander';
import pc from 'picocolors';

import { type AuditResult, audit } from '../processors/audit.ts';
import { withRecordedTests } from '../processors/lift-tests.ts';
import { requireTables, withTables } from '../processors/stopped.ts';
import { type Unfinished, unfinishedIn } from '../processors/unfinished.ts';
import { EXIT } from './exit-code.ts';
import { instantOption } from './instant-option.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';

interface AuditOptions extends CommonOptions {
  readonly from?: number;
  readonly to?: number;
}

/** Differing rows that the terminal shows per view; `--json` has all of them. */
const SHOWN_DIFFERENCES_MAX = 10;
/** Longest that one view may take: what is held of visitors follows from all of their clicks. */
const SECONDS_MAX = 300;
/** An open range reaches from before the first believed event to the end of the four-digit years' good part. */
const FROM_MS = 0;
const TO_MS = Date.UTC(2200, 0, 1);

/** `weir audit`: recomputes the tables from the raw events and shows what differs. */
export function auditCommand(): Command {
  return new Command('audit')
    .description(
      'Recompute every aggregate from the raw events by independent SQL and show the rows that differ.',
    )
    .option(
      '--from <instant>',
      'start of the range, inclusive: ISO 8601 or epoch milliseconds',
      instantOption,
    )
    .option('--to <instant>', 'end of the range, exclusive', instantOption)
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION)
    .addHelpText(
      'after',
      '\nExit code 0: nothing differs, 1: something does.\nExample: weir audit --from 2026-11-01 --to 2026-12-01',
    )
    .action(async (options: AuditOptions) => {
      const config = configOf(options);
      const { unfinished, results } = await withTables(config, async (clickHouse, dataDir) => {
        await requireTables(clickHouse, config);
        return {
          unfinished: dataDir && (await unfinishedIn(dataDir, config.partitions)),
          results: await audit(
            (sql, parameters) => clickHouse.query(sql, parameters, { secondsMax: SECONDS_MAX }),
            await withRecordedTests(clickHouse, config),
            { fromMs: options.from ?? FROM_MS, toMs: options.to ?? TO_MS },
          ),
        };
      });
      process.stdout.write(
        options.json === true ? `${JSON.stringify({ unfinished, results })}\n` : report(results),
      );
      if (unfinished !== undefined) process.stderr.write(warning(unfinished));
      if (results.some(({ differences }) => differences.length > 0)) process.exitCode = EXIT.failed;
    });
}

/** Why rows may differ although nothing is wrong; empty when the tables are complete. */
function warning({ records, rows }: Unfinished): string {
  if (records + rows === 0) return '';
  return (
    `${records} records and ${rows} rows are not in the tables yet, and rows may differ until they are: ` +
    'start Weir, let it catch up, stop it, and audit again.\n'
  );
}

/** The results as lines for a terminal. */
export function report(results: readonly AuditResult[]): string {
  const viewWidth = Math.max(...results.map(({ view }) => view.length));
  const lines = results.flatMap(({ view, rows, differences, stated = [], off }) => {
    if (off !== undefined) return [`  ${view.padEnd(viewWidth)}      not compared: ${off} is off`];
    const verdict =
      differences.length === 0 ? pc.green('0 differ') : pc.red(`${differences.length} differ`);
    const shown = differences
      .slice(0, SHOWN_DIFFERENCES_MAX)
      .map((row) => `    ${JSON.stringify(row)}`);
    const known = stated.map((each) => `    ${each.rows} more because of ${each.reason}`);
    return [
      `  ${view.padEnd(viewWidth)} ${String(rows).padStart(9)} rows  ${verdict}`,
      ...shown,
      ...known,
    ];
  });
  return `${lines.join('\n')}\n`;
}
