import { Command } from 'commander';
import pc from 'picocolors';

import { checkSchemas, publishSchemas } from '../processors/publish-schemas.ts';
import { EXIT } from './exit-code.ts';
import { CONFIG_OPTION, type CommonOptions, JSON_OPTION, configOf } from './options.ts';

/** `weir schema`: the schemas of events and the schema registry of Kafka's producers. */
export function schemaCommand(): Command {
  return new Command('schema')
    .description('Check the schemas of events against earlier ones, or publish them in a registry.')
    .addCommand(checkCommand().exitOverride().showHelpAfterError())
    .addCommand(publishCommand().exitOverride().showHelpAfterError());
}

function checkCommand(): Command {
  return new Command('check')
    .description(
      'Check that today’s schemas read what was written with any that was released and, with schema_registry.url, with any version in the registry.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(JSON_OPTION)
    .action(async (options: CommonOptions) => {
      const subjects = await checkSchemas(configOf(options));
      if (subjects.some(({ problems }) => problems.length > 0)) process.exitCode = EXIT.failed;
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ subjects })}\n`);
        return;
      }
      for (const { subject, versionCount, problems } of subjects) {
        const mark = problems.length === 0 ? pc.green('ok  ') : pc.red('mend');
        const versions =
          versionCount === undefined ? 'no registry' : `versions in the registry: ${versionCount}`;
        process.stdout.write(`${mark} ${subject.padEnd(22)} ${versions}\n`);
        for (const problem of problems) process.stdout.write(`     ${problem}\n`);
      }
    });
}

function publishCommand(): Command {
  return new Command('publish')
    .description(
      'Register today’s schemas in the registry of schema_registry.url, after the same check.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(JSON_OPTION)
    .action(async (options: CommonOptions) => {
      const subjects = await publishSchemas(configOf(options));
      if (options.json === true) process.stdout.write(`${JSON.stringify({ subjects })}\n`);
      else
        for (const { subject, schemaId } of subjects)
          process.stdout.write(`${subject.padEnd(22)} schema ${schemaId}\n`);
    });
}
