import { alertOwnersOf } from '../schemas/alert.ts';
import { PROCESSOR_NAMES, type ProcessorName } from '../schemas/processors.ts';
import { DAY_MS } from '../schemas/time.ts';
import { createActs } from './acts/processor.ts';
import { createAlerts } from './alerts/processor.ts';
import { createArchive } from './archive/processor.ts';
import { createAttribution } from './attribution/processor.ts';
import { botsConfigOf, wholeDays } from './bots-config.ts';
import { createBots } from './bots/processor.ts';
import type { Config } from './config.ts';
import type { Processor } from './engine/operator/processor.ts';
import { ENGINE_MIGRATIONS } from './engine/sink/engine-tables.ts';
import { createFulfilment } from './fulfilment/processor.ts';
import { liftTestsOf } from './lift-tests.ts';
import { createLift } from './lift/processor.ts';
import { createParity } from './parity/processor.ts';
import { taxBasisPointsOf } from './parity/tax-rate.ts';
import { createStock } from './stock/processor.ts';
import { createTraffic } from './traffic/processor.ts';

/** Every processor, in the order in which an event meets them; those that nobody has chosen are off. */
export function createProcessors(config: Config): readonly Processor[] {
  const off: ReadonlySet<string> = new Set(processorsOff(config));
  return declaredProcessors(config).map((processor) =>
    off.has(processor.name) ? { ...processor, operators: [], isOff: true } : processor,
  );
}

/** The processors that `config` leaves out. */
export function processorsOff({ processors }: Config): readonly ProcessorName[] {
  return PROCESSOR_NAMES.filter((name) => !processors.includes(name));
}

function declaredProcessors(config: Config): readonly Processor[] {
  const owners = alertOwnersOf(config.alerts.owners ?? []);
  return [
    createArchive(),
    createAlerts(),
    createBots(botsConfigOf(config)),
    createTraffic({
      sessionGapMs: config.sessions.gap,
      withdrawalReachMs: wholeDays(config.bots.reach) + DAY_MS,
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
      withdrawalReachMs: wholeDays(config.bots.reach) + DAY_MS,
      returnsKeptMs: config.attribution.returns_kept,
      allowedLatenessMs: config.lateness.allowed,
    }),
    createStock({
      allowedLatenessMs: config.lateness.allowed,
      returnsKeptMs: config.attribution.returns_kept,
      sequenceGaps: config.stock.sequence_gaps,
      leadTimeMs: config.stock.lead_time,
      reviewPeriodMs: config.stock.review_period,
      profile: (config.stock.profile ?? []).map(Number),
      substitutionShare: config.stock.substitution_percent / 100,
      priceChannel: config.stock.price_channel,
      owners,
    }),
    createFulfilment({
      allowedLatenessMs: config.lateness.allowed,
      returnsKeptMs: config.attribution.returns_kept,
      owners,
    }),
    createParity({
      allowedLatenessMs: config.lateness.allowed,
      referenceChannel: config.parity.reference_channel,
      toleranceBasisPoints: config.parity.tolerance_bp,
      fxBandBasisPoints: config.parity.fx_band_bp,
      dwellMs: config.parity.dwell,
      staleAfterMs: config.parity.stale_after,
      taxBasisPointsOf: taxBasisPointsOf(config.parity.tax_rates ?? []),
      owners,
    }),
    createActs(),
  ];
}

/** The SQL files of the engine and of every processor, in the order they are applied. */
export function migrationsOf(processors: readonly Processor[]): readonly URL[] {
  return [...ENGINE_MIGRATIONS, ...processors.flatMap(({ migrations }) => migrations)];
}

/** The statements of every processor that make the views in which settings stand. */
export function viewsOf(processors: readonly Processor[]): readonly string[] {
  return processors.flatMap(({ views = [] }) => views);
}
