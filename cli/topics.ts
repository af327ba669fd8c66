import { Command } from 'commander';

import { createTopics } from '../processors/create-topics.ts';
import { CONFIG_OPTION, type CommonOptions, JSON_OPTION, configOf } from './options.ts';

/** `weir topics`: creates what is missing in Kafka, as every start does too. */
export function topicsCommand(): Command {
  return new Command('topics')
    .description(
      'Create the topics of events that are missing in Kafka, so that others can write before Weir runs.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(JSON_OPTION)
    .action(async (options: CommonOptions) => {
      const topics = await createTopics(configOf(options));
      if (options.json === true) process.stdout.write(`${JSON.stringify({ topics })}\n`);
      else
        for (const { topic, partitionCount, isNew } of topics)
          process.stdout.write(
            `${isNew ? 'created' : 'current'}  ${topic.padEnd(22)} partitions: ${partitionCount}\n`,
          );
    });
}
