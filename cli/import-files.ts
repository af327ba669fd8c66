import { statSync } from 'node:fs';
import { basename } from 'node:path';

import { Argument, Command, Option } from 'commander';

import { Embedded } from '../processors/embedded.ts';
import { EngineError, messageOf } from '../schemas/errors.ts';
import { EVENT_TYPES, type EventType } from '../schemas/topics.ts';
import type { AccessLogOptions } from './import/access-log.ts';
import { importFile } from './import/import-file.ts';
import { type MachineReport, machineLines, machineReport } from './import/machines.ts';
import { COLUMN_ROLES, type OrdersCsvOptions } from './import/orders-csv.ts';
import type { ReaderChoice } from './import/readers.ts';
import { type ImportSummary, summaryLines } from './import/summary.ts';
import { onSignals } from './node.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';
import { Progress } from './progress.ts';

const FILES = new Argument('<file...>', 'files to import, plain or gzip');

/** `weir import`: real files into the log. */
export function importCommand(): Command {
  const command = new Command('import')
    .description(
      'Import files into the log: history that is never too late. Importing a file again only counts duplicates.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  weir import orders-csv online-retail-2011-11.csv.gz\n  weir import access-log access.log.gz\n  weir import ndjson events.ndjson',
    );
  command.addCommand(ordersCsvCommand());
  command.addCommand(accessLogCommand());
  command.addCommand(
    eventFileCommand('ndjson', {
      description: 'Import JSON events, one a line.',
      unless: 'of lines without a field "event" that names it',
    }),
  );
  command.addCommand(
    eventFileCommand('avro', {
      description: 'Import an Avro object container file of events.',
      unless: 'when the schema is not named after it: Click, Order, Inventory, Reference',
    }),
  );
  return command;
}

function ordersCsvCommand(): Command {
  const command = withCommonOptions(new Command('orders-csv'))
    .description(
      'Import order lines from CSV; the columns of the Online Retail file are the default.',
    )
    .addOption(new Option('--currency <code>', 'ISO 4217 code of all prices').default('GBP'))
    .addOption(new Option('--sales-channel <name>', 'sales channel of all orders').default('dtc'))
    .addOption(
      new Option('--timezone <zone>', "zone of the file's times, which name none").default('UTC'),
    )
    .addOption(
      new Option(
        '--source <name>',
        'who sent the events; keeps the invoices of two shops apart',
      ).default('csv'),
    )
    .addOption(new Option('--delimiter <character>', 'what separates the fields').default(','));
  for (const role of COLUMN_ROLES) {
    command.option(`--${role}-column <name>`, `column of the ${role}, when it has another name`);
  }
  return command.action(
    async (files: readonly string[], options: CommonOptions & Readonly<Record<string, string>>) => {
      const columns = Object.fromEntries(
        COLUMN_ROLES.flatMap((role) => {
          const name = options[`${role}Column`];
          return name === undefined ? [] : [[role, name]];
        }),
      );
      const { currency, salesChannel, timezone, source, delimiter } = options;
      const read: OrdersCsvOptions = {
        columns,
        ...(currency === undefined ? {} : { currency }),
        ...(salesChannel === undefined ? {} : { salesChannel }),
        ...(timezone === undefined ? {} : { timezone }),
        ...(source === undefined ? {} : { source }),
        ...(delimiter === undefined ? {} : { delimiter }),
      };
      await importFiles(files, options, { format: 'orders-csv', options: read });
    },
  );
}

function accessLogCommand(): Command {
  return withCommonOptions(new Command('access-log'))
    .description('Import a web server access log in the combined format of Apache and nginx.')
    .addOption(new Option('--source <name>', 'who sent the events').default('access-log'))
    .option('--site-host <name...>', "the site's own host names; found in the file when absent")
    .action(
      async (
        files: readonly string[],
        options: CommonOptions & { readonly source: string; readonly siteHost?: readonly string[] },
      ) => {
        const read: AccessLogOptions = {
          source: options.source,
          ...(options.siteHost === undefined ? {} : { siteHosts: options.siteHost }),
        };
        await importFiles(files, options, { format: 'access-log', options: read });
      },
    );
}

function eventFileCommand(
  format: 'ndjson' | 'avro',
  { description, unless }: { readonly description: string; readonly unless: string },
): Command {
  return withCommonOptions(new Command(format))
    .description(description)
    .addOption(new Option('--type <event>', `type of the events ${unless}`).choices(EVENT_TYPES))
    .action(
      async (files: readonly string[], options: CommonOptions & { readonly type?: EventType }) => {
        const { type } = options;
        await importFiles(files, options, { format, options: type === undefined ? {} : { type } });
      },
    );
}

function withCommonOptions(command: Command): Command {
  return command
    .addArgument(FILES)
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION);
}

async function importFiles(
  files: readonly string[],
  options: CommonOptions,
  choice: ReaderChoice,
): Promise<void> {
  const config = configOf(options, { WEIR_LOG_LEVEL: process.env['WEIR_LOG_LEVEL'] ?? 'warn' });
  /** Aborted by a signal, or with the reason for which processing cannot go on. */
  const stop = new AbortController();
  const engine = await Embedded.open(config, (error) => {
    stop.abort(error);
  });
  onSignals(() => stop.abort());
  const summaries: { readonly file: string; readonly summary: ImportSummary }[] = [];
  try {
    for (const file of files) {
      const progress = new Progress(basename(file), sizeOf(file), options.json === true);
      const { summary, failure } = await importFile(engine, file, {
        choice,
        signal: stop.signal,
        onRead: (bytesRead) => progress.update(bytesRead),
      });
      progress.finish();
      if (failure !== undefined) {
        if (options.json !== true) process.stderr.write(`${summaryLines(summary).join('\n')}\n`);
        throw failure;
      }
      throwDefect(stop.signal);
      summaries.push({ file: basename(file), summary });
      if (options.json !== true)
        process.stdout.write(
          `${basename(file)}\n${summaryLines(summary)
            .map((line) => `  ${line}\n`)
            .join('')}`,
        );
    }
    const machines = await machinesOf(engine, choice);
    if (options.json === true)
      process.stdout.write(
        `${JSON.stringify({ files: summaries, ...(machines === undefined ? {} : { machines }) })}\n`,
      );
    else if (machines !== undefined) process.stdout.write(`${machineLines(machines).join('\n')}\n`);
  } catch (error) {
    // What stopped the processing also stopped the import, and is the better thing to report.
    throwDefect(stop.signal);
    throw error;
  } finally {
    await engine.close().catch((error: unknown) => {
      throwDefect(stop.signal);
      throw error;
    });
  }
}

/** Logs of web servers are full of machines: says how much of what the log's source has sent is theirs. */
async function machinesOf(
  engine: Embedded,
  choice: ReaderChoice,
): Promise<MachineReport | undefined> {
  if (choice.format !== 'access-log') return undefined;
  await engine.drain();
  const source = choice.options.source ?? 'access-log';
  return machineReport((sql, parameters) => engine.query(sql, parameters), source);
}

/** Throws why processing stopped, unless it was asked to: then the reason is the signal's own. */
function throwDefect({ aborted, reason }: AbortSignal): void {
  if (aborted && !(reason instanceof DOMException)) throw reason;
}

/** @throws {EngineError} IMPORT_FILE_UNREADABLE when there is no such file */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new EngineError({
      code: 'IMPORT_FILE_UNREADABLE',
      kind: 'fatal',
      message: `Expected to read ${file}, got: ${messageOf(error)}`,
      cause: error,
    });
  }
}
