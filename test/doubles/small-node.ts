import type { Log } from '../../processors/engine/log/log.ts';
import type { Processor } from '../../processors/engine/operator/processor.ts';
import { Engine } from '../../processors/engine/runtime/engine.ts';
import type { Sink } from '../../processors/engine/sink/sink.ts';
import type { Store } from '../../processors/engine/state/store.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';
import { NO_LISTENER } from './no-listener.ts';

/** Opens the real engine over these parts; its clock stands, and inputs that stop are idle at once. */
export function openNode(parts: {
  readonly log: Log;
  readonly store: Store;
  readonly sink: Sink;
  readonly processors: readonly Processor[];
  readonly partitions: number;
  readonly nowMs: number;
  /** Event ids that a task remembers. */
  readonly deduplicationIdsMax?: number;
}): Promise<Engine> {
  let monotonicMs = 0;
  return Engine.open({
    ...parts,
    node: 'local',
    clock: {
      nowMs: () => parts.nowMs,
      monotonicMs: () => (monotonicMs += HOUR_MS),
      sleep: () => Promise.resolve(),
      random: () => 0.5,
    },
    limits: {
      outOfOrdernessMs: MINUTE_MS,
      idleTimeoutMs: MINUTE_MS,
      allowedLatenessMs: DAY_MS,
      clockSkewMs: 5 * MINUTE_MS,
      cachedStateBytesMax: 1_000_000,
      cachedRowsMax: 1_000,
      deduplicationIdsMax: parts.deduplicationIdsMax ?? 100_000,
      checkpointMs: 1_000,
      checkpointKeysMax: 100_000,
      checkpointRowsMax: 100_000,
      stretchKeysMax: 1_000,
      checkpointLinesMax: 100_000,
      outboxRowsMax: 1_000_000,
    },
    events: NO_LISTENER,
  });
}

/** Takes everything there is in the log, what the stages send each other included. */
export async function takeAll(engine: Engine): Promise<void> {
  do {
    while (engine.step() > 0);
    await engine.checkpoint();
    await engine.outbox.idle();
  } while (engine.step() > 0 || engine.hasPending);
}
