import { once } from 'node:events';

import { startApi } from '../../api/main.ts';
import { loadConfig } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { collectYoungOften } from '../../processors/garbage-collection.ts';
import { PANELS } from '../../processors/panels.ts';
import { messageOf } from '../../schemas/errors.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { profile } from '../measure/profile.ts';
import { STAGES } from '../pipeline/stages.ts';

/*
 * Engine and api in one process, as `cli/node.ts` starts them, without the page. Tells its address and
 * runs until whoever started it hangs up.
 */

export interface ServeInput {
  readonly dataDir: string;
  readonly port: number;
  /** Settings besides, by their variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Samples the main thread, and answers any message with what it did. */
  readonly isProfiled?: boolean;
}

export interface Served {
  readonly url: string;
}

const { dataDir, port, variables, isProfiled } = childInput<ServeInput>();
const config = loadConfig({
  file: undefined,
  environment: {
    WEIR_DATA_DIR: dataDir,
    WEIR_HTTP_PORT: String(port),
    WEIR_LOG_LEVEL: 'warn',
    ...variables,
  },
});
const engine = await Embedded.open(config, (error) => {
  console.error(`Processing stopped: ${messageOf(error)}`);
  process.exit(1);
});
collectYoungOften();
const { url } = await startApi({
  config,
  engine,
  panels: PANELS,
  pageDir: undefined,
  logger: engine.logger,
});
// The data directory is thrown away, and chDB keeps threads that nobody waits for.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
await sendResult({ url } satisfies Served);
if (isProfiled === true) {
  const asked = async (): Promise<void> => {
    await once(process, 'message');
  };
  await sendResult(await profile(asked, STAGES));
}
