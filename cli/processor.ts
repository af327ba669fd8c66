import { Command } from 'commander';

import { requireApiPort, startOperation } from '../api/main.ts';
import { openAdmission } from '../processors/key-ring.ts';
import { ProcessorNode } from '../processors/processor-node.ts';
import { runUntilEnded } from './node.ts';
import { CONFIG_OPTION, type CommonOptions, DATA_DIR_OPTION, configOf } from './options.ts';

/** `weir processor`: one of several processes that share the partitions of a log in Kafka. */
export function processorCommand(): Command {
  return new Command('processor')
    .description(
      'Process some partitions of the log in Kafka, beside other processors of the same group. Needs kafka.brokers, clickhouse.url and tokens.secret.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addHelpText('after', '\nExample: weir processor --config weir.yaml --data-dir ./processor-1')
    .action(async (options: CommonOptions) => {
      const config = configOf(options);
      const admission = openAdmission(config);
      await requireApiPort(config);
      await runUntilEnded(async (end) => {
        const engine = await ProcessorNode.open(config, end);
        try {
          const api = await startOperation({ config, engine, logger: engine.logger, admission });
          process.stdout.write(`Health and metrics are at ${api.url}\nStop with Ctrl-C.\n`);
          return {
            close: async () => {
              // Health is answered until the partitions are given up.
              await engine.close();
              await api.close();
            },
          };
        } catch (error) {
          await engine.close();
          throw error;
        }
      });
    });
}
