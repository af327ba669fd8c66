import { Command } from 'commander';

import { migrateTables } from '../processors/stopped.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';

/** `weir migrate`: brings the tables up to date, as every start does too. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Create or update the tables and views in ClickHouse. Every start does the same.')
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION)
    .action(async (options: CommonOptions) => {
      const migrations = await migrateTables(configOf(options));
      if (options.json === true) process.stdout.write(`${JSON.stringify({ migrations })}\n`);
      else
        for (const { name, isNew } of migrations)
          process.stdout.write(`${isNew ? 'applied' : 'current'}  ${name}\n`);
    });
}
