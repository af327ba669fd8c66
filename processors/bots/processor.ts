import type { Processor } from '../engine/operator/processor.ts';
import { createAddresses } from './address.ts';
import type { BotsConfig } from './config.ts';
import { createJudge } from './operator.ts';
import { BOT_STANDINGS, BOT_VERDICTS } from './row.ts';

/** Who is a machine, and why: `weir.bot_verdicts` and `weir.bot_standings`. */
export function createBots(config: BotsConfig): Processor {
  return {
    name: 'bots',
    isJudge: true,
    offBy: 'bots.filter',
    ...(config.isFiltering
      ? { operators: [createJudge(config), createAddresses(config)] }
      : { operators: [], isOff: true }),
    tables: [BOT_VERDICTS, BOT_STANDINGS],
    migrations: [new URL('table.sql', import.meta.url)],
  };
}
