import { setTimeout as wait } from 'node:timers/promises';

import { loadConfig } from '../../processors/config.ts';
import { ProcessorNode } from '../../processors/processor-node.ts';
import { EngineError } from '../../schemas/errors.ts';

/*
 * One process of a group of processors, configured by WEIR_ variables. It tells on standard output
 * which partitions it processes and how many records they have not taken yet, one JSON object a line,
 * whenever that changes; an error that ends it is told by its code. SIGTERM stops it in order.
 */

const LOOK_MS = 50;

function end(error: unknown): never {
  const code = error instanceof EngineError ? error.code : String(error);
  process.stdout.write(`${JSON.stringify({ code, message: String(error) })}\n`);
  // Nothing may go on beside an error that ends it.
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(1);
}

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const config = loadConfig({ file: undefined, environment: process.env });
const node = await ProcessorNode.open(config, end).catch(end);
let told = '';
while (!stopping.signal.aborted) {
  const status = node.status();
  const lag = status.tasks.reduce((sum, task) => sum + task.lag_records, 0);
  const said = JSON.stringify({
    partitions: node.partitions,
    lag,
    pending: status.sink.pending_rows,
    isSinkHealthy: status.sink.healthy,
    isReady: status.ready,
    counts: status.counts,
  });
  if (said !== told) process.stdout.write(`${said}\n`);
  told = said;
  await wait(LOOK_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
}
await node.close();
process.stdout.write('closed\n');
