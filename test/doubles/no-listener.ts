import type { EngineEvents } from '../../processors/engine/runtime/engine-options.ts';

/** For an engine that nobody listens to. */
export const NO_LISTENER: EngineEvents = {
  onCount: () => undefined,
  onPoison: () => undefined,
  onCheckpoint: () => undefined,
  onCheckpointFailed: () => undefined,
  onRetry: () => undefined,
  onDelivered: () => undefined,
};
