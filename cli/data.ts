import { Command } from 'commander';

import { forgetState } from '../processors/forget-state.ts';
import { updateLists } from '../processors/kept-lists.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';

interface UpdateOptions extends CommonOptions {
  readonly recompute?: true;
}

/** `weir data`: lists that Weir judges clients by, and computing anew. */
export function dataCommand(): Command {
  const update = new Command('update')
    .description(
      'Check lists of crawlers or networks that you have and use them from the next start on. Nothing is fetched.',
    )
    .argument('<file...>', 'crawler-user-agents.json, or networks as docs/bots.md says')
    .option(
      '--recompute',
      'also judge and count the past anew: removes the state, so that the next start recomputes everything from the log; Weir must be stopped',
    )
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION)
    .addHelpText('after', '\nExample: weir data update crawler-user-agents.json ranges.json')
    .exitOverride()
    .showHelpAfterError('Run with --help for the options.')
    .action(async (files: readonly string[], options: UpdateOptions) => {
      const config = configOf(options);
      const lists = await updateLists(config, files, {
        isRecomputing: options.recompute === true,
      });
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ lists })}\n`);
        return;
      }
      for (const { kind, version, entries } of lists) {
        const what = kind === 'ranges' ? 'networks' : 'patterns of crawlers';
        process.stdout.write(
          `${entries} ${what}, version ${version}: used from the next start on\n`,
        );
      }
    });
  const recompute = new Command('recompute')
    .description(
      'Remove the state, so that the next start computes everything anew from the log, as after a change of processors; Weir must be stopped.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .action(async (options: CommonOptions) => {
      await forgetState(configOf(options));
      process.stdout.write('The next start computes everything anew from the log\n');
    });
  return new Command('data')
    .description('Bring the lists up to date by which clients are judged, or compute all anew.')
    .addCommand(update)
    .addCommand(recompute);
}
