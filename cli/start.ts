import { Command } from 'commander';

import { addressLines, startNode } from './node.ts';
import { CONFIG_OPTION, type CommonOptions, DATA_DIR_OPTION, configOf } from './options.ts';

/** `weir start`: everything in one process. */
export function startCommand(): Command {
  return new Command('start')
    .description('Run everything in one process: log, processors, ClickHouse and api.')
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addHelpText('after', '\nExample: weir start --data-dir ./weir-data')
    .action(async (options: CommonOptions) => {
      const node = await startNode(configOf(options));
      process.stdout.write(`${addressLines(node)}Stop with Ctrl-C.\n`);
      const ending = await node.ended;
      if (ending.kind === 'signal') return node.close();
      // What stopped the processing may stop this too, and is the better thing to report.
      await node.close().catch(() => undefined);
      throw ending.error;
    });
}
