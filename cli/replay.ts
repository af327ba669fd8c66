import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';

import { type ReplayResult, replay, sandboxDatabase } from '../processors/replay.ts';
import { withStoppedData } from '../processors/stopped.ts';
import type { DifferingRow, TableDifference } from '../processors/table-differences.ts';
import { EXIT } from './exit-code.ts';
import { instantOption } from './instant-option.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';
import { Progress } from './progress.ts';

interface ReplayCommandOptions extends CommonOptions {
  readonly from?: number;
  readonly to?: number;
  readonly sandbox: string;
  readonly replace?: boolean;
  readonly lateness: 'live' | 'own';
  readonly exitCode?: boolean;
}

/** Differing rows that the terminal shows per table; `--json` has more. */
const SHOWN_EXAMPLES_MAX = 5;
/** An open range reaches from before the first believed event to the end of the four-digit years' good part. */
const FROM_MS = 0;
const TO_MS = Date.UTC(2200, 0, 1);

/** `weir replay`: recomputes from the log with another configuration and shows what would differ. */
export function replayCommand(): Command {
  return new Command('replay')
    .description(
      'Recompute everything from the log into a sandbox database, with another configuration, and show the difference to live.',
    )
    .requiredOption(
      '--sandbox <name>',
      'letters, digits and underscores: the result is in the database weir_sandbox_<name>',
      sandboxOption,
    )
    .option(
      '--from <instant>',
      'start of what is compared, inclusive: ISO 8601 or epoch milliseconds',
      instantOption,
    )
    .option('--to <instant>', 'end of what is compared, exclusive', instantOption)
    .option('--replace', 'overwrite the sandbox of this name')
    .addOption(
      new Option(
        '--lateness <rule>',
        'which events are too late: those that were for live, or those that are by the configuration',
      )
        .choices(['live', 'own'])
        .default('live'),
    )
    .option('--exit-code', 'exit with 1 when anything differs')
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION)
    .addHelpText(
      'after',
      '\nThe whole log that is retained is read, whatever --from and --to say; Weir must not run meanwhile.' +
        '\nExample: weir replay --config other.yaml --sandbox other_gap --from 2026-11-01 --to 2026-12-01',
    )
    .action(run);
}

async function run(options: ReplayCommandOptions): Promise<void> {
  const progress = new Progress('replay', 1, options.json === true);
  const result = await withStoppedData(configOf(options), (data) =>
    replay(data, {
      sandbox: options.sandbox,
      isReplacing: options.replace === true,
      fromMs: options.from ?? FROM_MS,
      toMs: options.to ?? TO_MS,
      lateness: options.lateness,
      onProgress: ({ done, total }) => progress.update(total === 0 ? 1 : done / total),
    }),
  ).finally(() => progress.finish());
  process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : report(result));
  if (options.exitCode === true && result.tables.some(isDifferent)) process.exitCode = EXIT.failed;
}

function sandboxOption(text: string): string {
  if (sandboxDatabase(text) === undefined) {
    throw new InvalidArgumentError('Expected up to 64 letters, digits and underscores.');
  }
  return text;
}

function isDifferent({ only_live, only_sandbox, differing }: TableDifference): boolean {
  return only_live + only_sandbox + differing > 0;
}

/** The result as lines for a terminal. */
function report(result: ReplayResult): string {
  const lines = [
    `${result.events} events read from the log; ${LATENESS[result.lateness]}`,
    ...(result.log_trimmed_before === null
      ? []
      : [
          pc.yellow(
            `The log no longer holds what it took before ${textOf(result.log_trimmed_before)}: results that depend on it differ`,
          ),
        ]),
    `The result is in the database ${result.database}`,
    ...result.tables.flatMap(tableLines),
  ];
  return `${lines.join('\n')}\n`;
}

const LATENESS = {
  live: 'too late is what was too late for live',
  own: 'too late is what is by this configuration',
} as const;

function tableLines(table: TableDifference): string[] {
  const { only_live, only_sandbox, differing, rows } = table;
  const name = `  ${table.table.padEnd(22)} ${String(rows.live).padStart(9)} rows live  ${String(rows.sandbox).padStart(9)} in the sandbox`;
  if (!isDifferent(table)) return [`${name}  ${pc.green('no difference')}`];
  const verdict = pc.red(
    `${only_live} only live, ${only_sandbox} only in the sandbox, ${differing} differ`,
  );
  const sums = Object.entries(table.sums)
    .filter(([, { live, sandbox }]) => live !== sandbox)
    .map(([column, { live, sandbox }]) => `    ${column}: ${live} → ${sandbox}`);
  const shown = table.examples.slice(0, SHOWN_EXAMPLES_MAX).map((row) => `    ${exampleLine(row)}`);
  return [`${name}  ${verdict}`, ...sums, ...shown];
}

/** The key, and what differs of the rest. */
function exampleLine({ key, live, sandbox }: DifferingRow): string {
  const name = Object.values(key)
    .filter((value) => value !== '')
    .join(' ');
  if (live === null) return `${name}: only in the sandbox`;
  if (sandbox === null) return `${name}: only live`;
  const changes = Object.keys(live)
    .filter((column) => live[column] !== sandbox[column])
    .map((column) => `${column} ${live[column]} → ${sandbox[column]}`);
  return `${name}: ${changes.join(', ')}`;
}

function textOf(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
