import { Command } from 'commander';

import { DEMO_SHOP, runDemo } from './demo.ts';
import { addressLines, startNode } from './node.ts';
import { CONFIG_OPTION, type CommonOptions, DATA_DIR_OPTION, configOf } from './options.ts';

interface StartOptions extends CommonOptions {
  readonly demo?: boolean;
}

/** `weir start`: everything in one process. */
export function startCommand(): Command {
  return new Command('start')
    .description('Run everything in one process: log, processors, ClickHouse and api.')
    .option('--demo', 'feed it a simulated shop, as weir demo does')
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addHelpText('after', '\nExample: weir start --data-dir ./weir-data')
    .action((options: StartOptions) =>
      options.demo === true ? runDemo({ ...options, ...DEMO_SHOP }) : start(options),
    );
}

async function start(options: CommonOptions): Promise<void> {
  const node = await startNode(configOf(options));
  process.stdout.write(`${addressLines(node)}Stop with Ctrl-C.\n`);
  const ending = await node.ended;
  if (ending.kind === 'signal') return node.close();
  // What stopped the processing may stop this too, and is the better thing to report.
  await node.close().catch(() => undefined);
  throw ending.error;
}
