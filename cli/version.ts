import { readFileSync } from 'node:fs';

import { erase } from '../schemas/brand.ts';

/** The version in package.json, which the repository's own check keeps well-formed. */
export const VERSION = erase<{ readonly version: string }>(
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
).version;
