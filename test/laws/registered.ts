import { loadConfig } from '../../processors/config.ts';
import { createProcessors } from '../../processors/registry.ts';
import { DAY_ZERO_MS } from './event-builders.ts';

const LIFT_TESTS = [{ id: 'half', channel: 'search', salt: 'b', share: 0.5, start: DAY_ZERO_MS }];

/** As every setting is without a file, and one test of lift. */
export const CONFIG = loadConfig({
  file: undefined,
  environment: { WEIR_LIFT_TESTS: JSON.stringify(LIFT_TESTS) },
});

/** Every processor that runs: a new one comes under the laws by being registered. */
export const PROCESSORS = createProcessors(CONFIG);
