import { readFileSync } from 'node:fs';

import { Command, Option } from 'commander';

import type { ShopOptions } from '../bench/shop/options.ts';
import type { ShopEvent } from '../bench/shop/shop-event.ts';
import { generateShop } from '../bench/shop/shop.ts';
import { writeShop } from '../bench/shop/write.ts';
import { visitorTokensOf } from '../processors/data-dir.ts';
import { MINUTE_MS } from '../schemas/time.ts';
import { takeByType, takeOverHttp } from './feed.ts';
import { instantOption } from './instant-option.ts';
import { onSignals } from './node.ts';
import { wholeNumberOption } from './number-option.ts';
import { JSON_OPTION, configOf } from './options.ts';

interface SimulateOptions {
  readonly seed: number;
  readonly rate: number;
  readonly minutes: number;
  readonly start?: number;
  readonly out?: string;
  readonly truth?: string;
  readonly url?: string;
  readonly keyFile?: string;
  readonly config?: string;
  readonly lateShare?: number;
  readonly duplicateShare?: number;
  readonly loginShare?: number;
  readonly json?: boolean;
}

/** Events of one request to a running Weir. */
const SENT_EVENTS_MAX = 2_000;

/** `weir simulate`: the events of a simulated shop, and the truth beside them. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description(
      'Write the events of a simulated shop to a file or a running Weir. The same options give the same bytes.',
    )
    .addOption(new Option('--seed <number>', 'which shop').argParser(wholeNumberOption).default(1))
    .addOption(
      new Option('--rate <events>', 'events per second of event time')
        .argParser(wholeNumberOption)
        .default(200),
    )
    .addOption(
      new Option('--minutes <minutes>', 'length in event time')
        .argParser(wholeNumberOption)
        .default(60),
    )
    .option('--start <instant>', 'event time of the first events', instantOption)
    .addOption(
      new Option(
        '--out <file>',
        'NDJSON file to write; standard output when neither --out nor --url is given',
      ).conflicts('url'),
    )
    .option('--truth <file>', 'write what is true of the shop, as NDJSON')
    .option('--url <address>', 'send the events to a running Weir')
    .option('--key-file <file>', 'API key for --url, in a file')
    .option(
      '-c, --config <file>',
      'configuration of the Weir that will get the events: the shop then holds out whom that Weir would, by its tokens in place of the ids',
    )
    .option('--late-share <share>', 'share of clicks and orders that come late', Number)
    .option('--duplicate-share <share>', 'share of events that are sent twice', Number)
    .option(
      '--login-share <share>',
      'share of signed-in people whose logins link their ids',
      Number,
    )
    .addOption(JSON_OPTION)
    .addHelpText(
      'after',
      '\nExample: weir simulate --seed 7 --minutes 60 --out shop.ndjson --truth truth.ndjson',
    )
    .action(async (options: SimulateOptions) => {
      const stop = new AbortController();
      onSignals(() => stop.abort());
      if (options.url === undefined) await writeToFile(options, stop.signal);
      else await sendOverHttp(options.url, options, stop.signal);
    });
}

async function writeToFile(options: SimulateOptions, signal: AbortSignal): Promise<void> {
  const { lines, bytes } = await writeShop(shopOf(options), {
    ...(options.out === undefined ? { writable: process.stdout } : { file: options.out }),
    ...(options.truth === undefined ? {} : { truthFile: options.truth }),
    signal,
  });
  report(options, { events: lines, bytes });
}

async function sendOverHttp(
  url: string,
  options: SimulateOptions,
  signal: AbortSignal,
): Promise<void> {
  const { keyFile } = options;
  const key = keyFile === undefined ? undefined : readFileSync(keyFile, 'utf8').trim();
  const take = takeOverHttp(url, key);
  let waiting: ShopEvent[] = [];
  let events = 0;
  for (const event of generateShop(shopOf(options))) {
    if (signal.aborted) break;
    waiting.push(event);
    events += 1;
    if (waiting.length < SENT_EVENTS_MAX) continue;
    await takeByType(waiting, take);
    waiting = [];
  }
  await takeByType(waiting, take);
  report(options, { events });
}

function shopOf(options: SimulateOptions): Partial<ShopOptions> {
  const durationMs = options.minutes * MINUTE_MS;
  return {
    seed: options.seed,
    eventsPerSecond: options.rate,
    durationMs,
    ...(options.start === undefined ? {} : { startMs: options.start }),
    ...(options.config === undefined ? {} : { holdoutKeyOf: tokensOf(options.config) }),
    ...(options.lateShare === undefined ? {} : { lateShare: options.lateShare }),
    ...(options.duplicateShare === undefined ? {} : { duplicateShare: options.duplicateShare }),
    ...(options.loginShare === undefined ? {} : { loginShare: options.loginShare }),
  };
}

/** What the Weir of a configuration makes of visitor ids. */
function tokensOf(file: string): (visitorId: string) => string {
  const { data_dir: directory, tokens } = configOf({ config: file });
  return visitorTokensOf(directory, tokens.secret);
}

/** On standard error: standard output may be the events. */
function report(options: SimulateOptions, written: Readonly<Record<string, number>>): void {
  process.stderr.write(
    options.json === true
      ? `${JSON.stringify(written)}\n`
      : `${Object.entries(written)
          .map(([name, count]) => `${count} ${name}`)
          .join(', ')}\n`,
  );
}
