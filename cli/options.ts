import { Option } from 'commander';

import { type Config, loadConfig } from '../processors/config.ts';

/** The options that every command which opens Weir understands. */
export interface CommonOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

export const CONFIG_OPTION = new Option(
  '-c, --config <file>',
  'configuration file (default: weir.yaml when it exists)',
);
export const DATA_DIR_OPTION = new Option(
  '-d, --data-dir <directory>',
  'data directory, in place of data_dir of the configuration',
);
export const JSON_OPTION = new Option('--json', 'print the result as one line of JSON');

/**
 * The configuration of the file, the environment and the command line, in rising order of say.
 *
 * @throws {EngineError} CONFIG_INVALID, CONFIG_UNREADABLE
 */
export function configOf(
  options: CommonOptions,
  overrides: Readonly<Record<string, string>> = {},
): Config {
  const environment = {
    ...process.env,
    ...(options.dataDir === undefined ? {} : { WEIR_DATA_DIR: options.dataDir }),
    ...overrides,
  };
  return loadConfig({ file: options.config, environment });
}
