import { pack } from 'msgpackr';

import { loadConfig } from '../../processors/config.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import { MemoryLog } from '../../processors/engine/log/memory.ts';
import { assignmentsOf, liftTestsOf } from '../../processors/lift-tests.ts';
import { createProcessors } from '../../processors/registry.ts';
import { erase } from '../../schemas/brand.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import type { Topic } from '../../schemas/topics.ts';
import { openServer } from '../../test/doubles/api-server.ts';
import { MemoryEngine } from '../../test/doubles/memory-engine.ts';
import type { LawEvent } from '../../test/laws/law-event.ts';
import { Run } from '../../test/laws/law-run.ts';
import { PARTITIONS, fill, throughEngine } from '../core/memory-shop.ts';
import { childInput, sendResult } from '../measure/child.ts';
import { percentileOf } from '../measure/percentile.ts';
import { DEFAULT_OPTIONS } from '../shop/options.ts';

export interface LiftInput {
  readonly events: number;
}

export interface LiftRun {
  /** CPU time per event of the whole engine, microseconds: the least of the rounds. */
  readonly withUs: number;
  readonly withoutUs: number;
  /** Stored bytes of a visitor with touches: attribution and lift together, median. */
  readonly stateBytes: number;
  /** Of `GET /v1/assignments`, milliseconds. */
  readonly assignmentMsP95: number;
}

const ROUNDS = 4;
const REQUESTS = 3_000;

const TESTS = JSON.stringify(
  DEFAULT_OPTIONS.clickChannels.flatMap(({ name, holdout }) =>
    holdout === undefined
      ? []
      : [
          {
            id: name,
            channel: name,
            salt: holdout.salt,
            share: holdout.share,
            start: '2025-01-01',
          },
        ],
  ),
);

await sendResult(await measure(childInput<LiftInput>()));
process.exit();

async function measure({ events }: LiftInput): Promise<LiftRun> {
  const rounds: { readonly withUs: number; readonly withoutUs: number }[] = [];
  // In turn, so that what else runs on the machine meets both; the first round compiles the code.
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({
      withUs: await throughEngine(events, { WEIR_LIFT_TESTS: TESTS }),
      withoutUs: await throughEngine(events, {}),
    });
  }
  return {
    withUs: Math.min(...rounds.map(({ withUs }) => withUs)),
    withoutUs: Math.min(...rounds.map(({ withoutUs }) => withoutUs)),
    stateBytes: await stateBytes(events),
    assignmentMsP95: await assignmentMsP95(),
  };
}

async function stateBytes(events: number): Promise<number> {
  const log = new MemoryLog(() => Date.now());
  await fill(log, events);
  const config = loadConfig({ file: undefined, environment: { WEIR_LIFT_TESTS: TESTS } });
  const operators = createProcessors(config)
    .filter(({ name }) => name === 'attribution' || name === 'lift')
    .flatMap((processor) => processor.operators);
  const run = new Run(operators);
  for (const topic of ['weir.clicks', 'weir.orders'] as const) play(run, log, topic);
  const sizes: number[] = [];
  const { states } = run;
  for (let at = 0; at < states.length; at += operators.length) {
    const ofVisitor = states.slice(at, at + operators.length);
    const touches = ofVisitor.flatMap(
      ({ state }) => erase<{ touches?: unknown[] }>(state).touches ?? [],
    );
    if (touches.length === 0) continue;
    sizes.push(ofVisitor.reduce((sum, { state }) => sum + pack(state).length, 0));
  }
  return percentileOf(sizes, 0.5);
}

function play(run: Run, log: MemoryLog, topic: Topic): void {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for (let offset = 0; ;) {
      const batch = log.read(topic, partition, offset);
      if (batch === undefined) break;
      for (let at = 0; at < batch.count; at += 1) {
        const decoded = decodeEvent(topic, batch.bytes, batch.starts[at], batch.ends[at]);
        if (decoded.kind === 'ok') run.apply(erase<LawEvent>({ topic, event: decoded.event }));
      }
      offset = batch.nextOffset;
    }
  }
}

async function assignmentMsP95(): Promise<number> {
  const config = loadConfig({ file: undefined, environment: { WEIR_LIFT_TESTS: TESTS } });
  const tests = liftTestsOf(config);
  const tokeniser = createTokeniser(Buffer.alloc(32, 7));
  const engine = new MemoryEngine();
  engine.assigning = (visitorId) =>
    assignmentsOf(tests, tokeniser.token('visitor', visitorId), Date.now());
  const { app } = openServer({ engine });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const tookMs: number[] = [];
  for (let request = 0; request < REQUESTS; request += 1) {
    const startMs = performance.now();
    const answer = await fetch(`${url}/v1/assignments?visitor_id=visitor-${request}`);
    await answer.arrayBuffer();
    tookMs.push(performance.now() - startMs);
  }
  await app.close();
  return percentileOf(tookMs, 0.95);
}
