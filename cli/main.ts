import { Command } from 'commander';

import { EngineError, messageOf } from '../schemas/errors.ts';
import { apiCommand } from './api.ts';
import { auditCommand } from './audit.ts';
import { dataCommand } from './data.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { exitCodeOf } from './exit-code.ts';
import { importCommand } from './import-files.ts';
import { keysCommand } from './keys.ts';
import { migrateCommand } from './migrate.ts';
import { processorCommand } from './processor.ts';
import { replayCommand } from './replay.ts';
import { schemaCommand } from './schema.ts';
import { simulateCommand } from './simulate.ts';
import { startCommand } from './start.ts';
import { topicsCommand } from './topics.ts';
import { VERSION } from './version.ts';

const program = new Command('weir')
  .description(
    'Stream-processing real-time analytics for commerce, with numbers that correct themselves.',
  )
  .version(VERSION)
  .exitOverride()
  .showHelpAfterError('Run with --help for the options.')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration invalid, 4 dependency unreachable, 5 data or state damaged.',
  );
for (const command of [
  startCommand,
  processorCommand,
  apiCommand,
  demoCommand,
  simulateCommand,
  importCommand,
  auditCommand,
  replayCommand,
  migrateCommand,
  keysCommand,
  schemaCommand,
  topicsCommand,
  dataCommand,
  doctorCommand,
]) {
  program.addCommand(withErrors(command()));
}

/** Mistakes in the use of a command, and of the commands below it, end with the exit code for them. */
function withErrors(command: Command): Command {
  for (const below of command.commands) withErrors(below);
  return command.exitOverride().showHelpAfterError('Run with --help for the options.');
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // Commander has already written what is wrong with the command line.
  if (error instanceof EngineError) process.stderr.write(`${error.code}: ${error.message}\n`);
  else if (process.exitCode === 1) process.stderr.write(`${messageOf(error)}\n`);
}
