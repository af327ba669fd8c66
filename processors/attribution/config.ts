import type { DurationMs } from '../../schemas/time.ts';
import type { Model } from './row.ts';

/** What attribution can be told; the same values go into `audit.sql`. */
export interface AttributionConfig {
  /** A touch is credited by conversions up to this long after it, inclusive. */
  readonly lookbackMs: DurationMs;
  /** Time in which the weight of a touch under `time_decay` halves; above zero. */
  readonly halfLifeMs: DurationMs;
  /** Longest silence within a session, inclusive. */
  readonly sessionGapMs: DurationMs;
  /** A return or cancellation counts when it happened at most this long from the order's time. */
  readonly returnsKeptMs: DurationMs;
  /** How far behind the watermark an event may still arrive. */
  readonly allowedLatenessMs: DurationMs;
  /** Most touches of one path, the newest ones; one or more. */
  readonly touchesMax: number;
  /** The models that are computed, each once. */
  readonly models: readonly Model[];
}
