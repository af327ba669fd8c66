import { setTimeout as wait } from 'node:timers/promises';

import { Command, Option } from 'commander';

import { DEFAULT_OPTIONS } from '../bench/shop/options.ts';
import type { Config } from '../processors/config.ts';
import { messageOf } from '../schemas/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../schemas/time.ts';
import { type Take, feedShop } from './feed.ts';
import { type RunningNode, addressLines, startNode } from './node.ts';
import { wholeNumberOption, wholeNumberUpTo } from './number-option.ts';
import { CONFIG_OPTION, type CommonOptions, DATA_DIR_OPTION, configOf } from './options.ts';

interface DemoOptions extends CommonOptions {
  readonly seed: number;
  /** Events per second. */
  readonly rate: number;
  /** Minutes since the shop opened. */
  readonly history: number;
}

/** The shop that is shown to whoever asks for nothing else. */
export const DEMO_SHOP = { seed: 1, rate: 200, history: 20 } as const;

/** Minutes of history that a demo may catch up with: a week of 200 events per second takes it hours. */
const HISTORY_MINUTES_MAX = 7 * 24 * 60;

/** `weir demo`: everything in one process, and a simulated shop that feeds it. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Run everything in one process and feed it a simulated shop.')
    .addOption(
      new Option('--seed <number>', 'which shop')
        .argParser(wholeNumberOption)
        .default(DEMO_SHOP.seed),
    )
    .addOption(
      new Option('--rate <events>', 'events per second')
        .argParser(wholeNumberOption)
        .default(DEMO_SHOP.rate),
    )
    .addOption(
      new Option('--history <minutes>', 'how long ago the shop opened')
        .argParser(wholeNumberUpTo(HISTORY_MINUTES_MAX))
        .default(DEMO_SHOP.history),
    )
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addHelpText(
      'after',
      '\nThe data stays in the data directory: a second start goes on with the same totals.',
    )
    .action(runDemo);
}

/** Runs everything until it is told to stop, fed by a shop. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const node = await startNode(demoConfig(options));
  process.stdout.write(`${addressLines(node)}A simulated shop feeds it.\nStop with Ctrl-C.\n`);
  const stop = new AbortController();
  const shop = {
    seed: options.seed,
    eventsPerSecond: options.rate,
    loginShare: LOGIN_SHARE,
    historyMs: options.history * MINUTE_MS,
    // The shop holds out whom Weir would: both hash the same token.
    holdoutKeyOf: (visitorId: string) => node.engine.visitorToken(visitorId),
  };
  const feeding = feedShop(shop, takeInProcess(node), stop.signal).catch((error: unknown) => {
    process.stderr.write(`The shop closed: ${messageOf(error)}\n`);
  });
  const ending = await node.ended;
  stop.abort();
  await feeding;
  if (ending.kind === 'signal') return node.close();
  await node.close().catch(() => undefined);
  throw ending.error;
}

/** Share of signed-in people whose logins the shop tells of: enough to see ids become one. */
const LOGIN_SHARE = 0.5;

/** How long after its first click a visitor's orders count: its visit, and some watching. */
const HORIZON = '10m';

/** The configuration, with a test of each channel from which the shop holds visitors out, where lift runs. */
function demoConfig(options: DemoOptions): Config {
  const config = configOf(options);
  if (config.lift.tests.length > 0 || !config.processors.includes('lift')) return config;
  // The start of a year, so that a second start of the same data directory finds the same test.
  const year = new Date().getUTCFullYear();
  const tests = DEFAULT_OPTIONS.clickChannels.flatMap(({ name, holdout }) =>
    holdout === undefined
      ? []
      : [
          {
            id: `${name}-${year}`,
            channel: name,
            salt: holdout.salt,
            share: holdout.share,
            start: `${year}-01-01`,
            horizon: HORIZON,
          },
        ],
  );
  return configOf(options, { WEIR_LIFT_TESTS: JSON.stringify(tests) });
}

/** Hands events to the engine of this process, at the pace at which it takes them. */
function takeInProcess(node: RunningNode): Take {
  return async (type, events) => {
    for (;;) {
      const refusal = node.engine.refusal();
      if (refusal === undefined) break;
      await wait(refusal.retryAfterSeconds * SECOND_MS);
    }
    await node.engine.ingest(
      type,
      events.map((event) => event.toObject()),
    );
  };
}
