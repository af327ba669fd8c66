import { alertOwnersOf } from '../schemas/alert.ts';
import { createAlerts } from './alerts/processor.ts';
import { createArchive } from './archive/processor.ts';
import { createAttribution } from './attribution/processor.ts';
import type { Config } from './config.ts';
import type { Processor } from './engine/operator/processor.ts';
import { liftTestsOf } from './lift-tests.ts';
import { createLift } from './lift/processor.ts';
import { createStock } from './stock/processor.ts';
import { createTraffic } from './traffic/processor.ts';

/** The processors that run, in the order in which an event meets them. */
export function createProcessors(config: Config): readonly Processor[] {
  const owners = alertOwnersOf(config.alerts.owners ?? []);
  return [
    createArchive(),
    createAlerts(),
    createTraffic({
      sessionGapMs: config.sessions.gap,
      allowedLatenessMs: config.lateness.allowed,
      returnsKeptMs: config.attribution.returns_kept,
    }),
    createAttribution({
      lookbackMs: config.attribution.lookback,
      halfLifeMs: config.attribution.half_life,
      sessionGapMs: config.sessions.gap,
      returnsKeptMs: config.attribution.returns_kept,
      allowedLatenessMs: config.lateness.allowed,
      touchesMax: config.attribution.touches_max,
      models: config.attribution.models,
    }),
    createLift({
      tests: liftTestsOf(config),
      currency: config.lift.currency,
      returnsKeptMs: config.attribution.returns_kept,
      allowedLatenessMs: config.lateness.allowed,
    }),
    createStock({
      allowedLatenessMs: config.lateness.allowed,
      returnsKeptMs: config.attribution.returns_kept,
      sequenceGaps: config.stock.sequence_gaps,
      owners,
    }),
  ];
}
