import { Command } from 'commander';

import { openDataDir } from '../processors/data-dir.ts';
import { migrationsOf } from '../processors/embedded.ts';
import { ClickHouse } from '../processors/engine/sink/clickhouse.ts';
import { migrate } from '../processors/engine/sink/migrate.ts';
import { createProcessors } from '../processors/registry.ts';
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
      const config = configOf(options);
      const dataDir = openDataDir(config.data_dir, config.tokens.secret);
      const clickHouse = await ClickHouse.openEmbedded(dataDir.clickHousePath);
      try {
        const migrations = await migrate(clickHouse, migrationsOf(createProcessors(config)));
        if (options.json === true) process.stdout.write(`${JSON.stringify({ migrations })}\n`);
        else
          for (const { name, isNew } of migrations)
            process.stdout.write(`${isNew ? 'applied' : 'current'}  ${name}\n`);
      } finally {
        await clickHouse.close();
        dataDir.release();
      }
    });
}
