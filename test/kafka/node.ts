import { setTimeout as wait } from 'node:timers/promises';

import { readNdjson } from '../../cli/import/ndjson.ts';
import { loadConfig } from '../../processors/config.ts';
import { Embedded } from '../../processors/embedded.ts';
import { EngineError } from '../../schemas/errors.ts';

/*
 * One process of Weir that takes events at its door and reads until enough have been taken:
 *   node node.ts <events.ndjson or -> <events that must have got a fate other than duplicate>
 * The configuration comes from WEIR_ variables. It tells on standard output how far it is, one number
 * a line, and at last its counts as JSON; an error that ends it is told by its code.
 */

const [, , file = '-', expected = '0'] = process.argv;
/** Small, so that a broker can go away in the middle of a short file. */
const EVENTS_PER_REQUEST = 20;
const RETRY_MS = 200;
const LOOK_MS = 20;

function end(error: unknown): never {
  const code = error instanceof EngineError ? error.code : String(error);
  process.stdout.write(`${JSON.stringify({ code, message: String(error) })}\n`);
  // Nothing may go on beside an error that ends it.
  // oxlint-disable-next-line unicorn/no-process-exit
  process.exit(1);
}

async function open(): Promise<Embedded> {
  const config = loadConfig({ file: undefined, environment: process.env });
  try {
    return await Embedded.open(config, end);
  } catch (error) {
    return end(error);
  }
}

/** As a sender does: whatever was not acknowledged is sent again. */
async function send(engine: Embedded): Promise<void> {
  if (file === '-') return;
  for await (const { type, events } of readNdjson(file)) {
    for (let at = 0; at < events.length; at += EVENTS_PER_REQUEST) {
      const some = events.slice(at, at + EVENTS_PER_REQUEST);
      for (;;) {
        try {
          await engine.ingest(type, some);
          break;
        } catch (error) {
          if (!(error instanceof EngineError) || error.kind !== 'transient') throw error;
          process.stdout.write(`${error.code}\n`);
          await wait(RETRY_MS);
        }
      }
    }
  }
}

const engine = await open();
let told = -1;
const sent = send(engine).catch(end);
for (;;) {
  const { received, duplicate } = engine.status().counts;
  if (received - duplicate !== told) process.stdout.write(`${received - duplicate}\n`);
  told = received - duplicate;
  if (told >= Number(expected)) break;
  await wait(LOOK_MS);
}
await sent;
await engine.drain();
process.stdout.write(`${JSON.stringify(engine.status().counts)}\n`);
await engine.close();
