import { Command, InvalidArgumentError, Option } from 'commander';

import { type StoredKey, addKey, keyFileOf, readKeys, revokeKey } from '../processors/key-file.ts';
import { ROLES, type Role } from '../schemas/access.ts';
import { DAY_MS } from '../schemas/time.ts';
import { wholeNumberOption } from './number-option.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';

interface CreateOptions extends CommonOptions {
  readonly name: string;
  readonly role: readonly Role[];
  readonly days?: number;
}

/** A name for people to recognise the key by; it stands in lists and logs. */
const NAME = /^[\w .@-]{1,100}$/;

/** `weir keys`: makes, lists and revokes API keys. */
export function keysCommand(): Command {
  const keys = new Command('keys').description(
    'Make, list and revoke the API keys that requests need with auth.required.',
  );
  for (const command of [createCommand(), listCommand(), revokeCommand()]) {
    keys.addCommand(
      command
        .addOption(CONFIG_OPTION)
        .addOption(DATA_DIR_OPTION)
        .addOption(JSON_OPTION)
        .exitOverride()
        .showHelpAfterError('Run with --help for the options.'),
    );
  }
  return keys;
}

function createCommand(): Command {
  return new Command('create')
    .description('Make a key and print it, once: only its hash is kept.')
    .requiredOption('--name <name>', 'who or what will use it', nameOption)
    .addOption(
      new Option(
        '--role <role...>',
        'what it is for: ingest sends events, read reads, ops also acknowledges alerts, sql asks ClickHouse, admin may do everything',
      )
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--days <days>', 'how long it is good; for ever without it').argParser(
        wholeNumberOption,
      ),
    )
    .addHelpText('after', '\nExample: weir keys create --name grafana --role read --days 365')
    .action((options: CreateOptions) => {
      const nowMs = Date.now();
      const { key, stored } = addKey(keyFileOf(configOf(options)), {
        name: options.name,
        roles: options.role,
        nowMs,
        expiresAtMs: options.days === undefined ? null : nowMs + options.days * DAY_MS,
      });
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ key, ...shown(stored) })}\n`);
        return;
      }
      // The key alone on standard output, so that it can go into a file without passing a screen.
      process.stderr.write(`Key ${stored.id} for ${stored.name}; it is not shown again:\n`);
      process.stdout.write(`${key}\n`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('List the keys: id, roles, state and name, never the key itself.')
    .action((options: CommonOptions) => {
      const keys = readKeys(keyFileOf(configOf(options)));
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ keys: keys.map(shown) })}\n`);
        return;
      }
      for (const key of keys) {
        process.stdout.write(
          `${key.id}  ${key.roles.join(',').padEnd(12)}  ${stateOf(key, Date.now()).padEnd(18)}  ${key.name}\n`,
        );
      }
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('End a key; connections that use it end within seconds.')
    .argument('<id>', 'its id, as the list shows it')
    .action((id: string, options: CommonOptions) => {
      revokeKey(keyFileOf(configOf(options)), id, Date.now());
      if (options.json === true) process.stdout.write(`${JSON.stringify({ revoked: id })}\n`);
      else process.stdout.write(`revoked ${id}\n`);
    });
}

function nameOption(name: string): string {
  if (NAME.test(name)) return name;
  throw new InvalidArgumentError(
    'Expected up to 100 letters, digits, spaces, dots, dashes, underscores and @.',
  );
}

/** What of a key may be seen. */
function shown(key: StoredKey): Omit<StoredKey, 'hash' | 'salt'> {
  const { hash: _hash, salt: _salt, ...rest } = key;
  return rest;
}

function stateOf(key: StoredKey, nowMs: number): string {
  if (key.revoked_at !== null) return 'revoked';
  if (key.expires_at === null) return 'good';
  const day = new Date(key.expires_at).toISOString().slice(0, 10);
  return key.expires_at <= nowMs ? `expired ${day}` : `good to ${day}`;
}
