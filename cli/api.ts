import { Command } from 'commander';

import { requireApiPort, startApi } from '../api/main.ts';
import { openPage } from '../dashboards/live/build.ts';
import { ApiNode } from '../processors/api-node.ts';
import { openAdmission } from '../processors/key-ring.ts';
import { PANELS } from '../processors/panels.ts';
import { runUntilEnded } from './node.ts';
import { CONFIG_OPTION, type CommonOptions, configOf } from './options.ts';

/** `weir api`: one of several processes that take events in and answer viewers. */
export function apiCommand(): Command {
  return new Command('api')
    .description(
      'Take events in, answer reads and serve the page, beside processors. Needs kafka.brokers, clickhouse.url and tokens.secret.',
    )
    .addOption(CONFIG_OPTION)
    .addHelpText('after', '\nExample: weir api --config weir.yaml')
    .action(async (options: CommonOptions) => {
      const config = configOf(options);
      const admission = openAdmission(config);
      await requireApiPort(config);
      await runUntilEnded(async () => {
        const engine = await ApiNode.open(config);
        try {
          const api = await startApi({
            config,
            engine,
            panels: PANELS,
            pageDir: await openPage(),
            logger: engine.logger,
            admission,
          });
          process.stdout.write(`Weir is at ${api.url}\nStop with Ctrl-C.\n`);
          return {
            close: async () => {
              await api.close();
              await engine.close();
            },
          };
        } catch (error) {
          await engine.close();
          throw error;
        }
      });
    });
}
