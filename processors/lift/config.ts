import type { DurationMs } from '../../schemas/time.ts';
import type { LiftTest } from './row.ts';

/** What lift can be told; the same values go into `audit.sql`. */
export interface LiftConfig {
  /** Tests by distinct ids. */
  readonly tests: readonly LiftTest[];
  /** ISO 4217 code of the amounts that are compared; amounts in others count as orders without a value. */
  readonly currency: string;
  /** A return or cancellation counts when it happened at most this long from the order's time. */
  readonly returnsKeptMs: DurationMs;
  /** How long after a day a verdict on the visitor may still withdraw it, or give it back; whole days. */
  readonly withdrawalReachMs: number;
  /** How far behind the watermark an event may still arrive. */
  readonly allowedLatenessMs: DurationMs;
}
