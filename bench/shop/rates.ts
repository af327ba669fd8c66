import { EngineError } from '../../schemas/errors.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import type { ShopOptions } from './options.ts';

/** What a visit does, in shares and means; `visit.ts` follows them and the rate of visits is derived from them. */
export const VISIT = {
  /** People whose page runs its script. */
  beaconShare: 0.97,
  /** After every page looked at, another one with this chance. */
  browseOnShare: 0.75,
  /** Pages that show a product. */
  productShare: 0.6,
  /** Visits in which the person comes in a second time, by any channel. */
  secondEntryShare: 0.15,
  /** Visits without the wish to buy that fill a cart, and of these those that go to the checkout. */
  idleCartShare: 0.08,
  idleCheckoutShare: 0.4,
} as const;

/** Events that come at fixed intervals, per day of the shop. */
export const PER_DAY = {
  countsPerKey: 4,
  restocksPerFastKey: 4,
  restocksPerKey: 2,
  spend: 24,
  fxPerCurrency: 6,
  pricesPerSku: 0.5,
} as const;

/** Events of a restock: the announcement and the arrival. */
const EVENTS_PER_RESTOCK = 2;

/** How often things happen, on average over a day of the shop. */
export interface Rates {
  readonly visitsPerMs: number;
  /** Orders that people want to place, whether in stock or not. */
  readonly wantedOrdersPerMs: number;
  readonly botClicksPerMs: number;
}

/**
 * The rate of visits that makes `eventsPerSecond`, from the means of everything that follows a visit.
 *
 * @throws {EngineError} CONFIG_INVALID when the fixed events alone are more than `eventsPerSecond`.
 */
export function ratesOf(options: ShopOptions): Rates {
  const wantedPerVisit = options.conversionRate * meanLift(options);
  let impressions = 0;
  for (const { holdout } of options.clickChannels)
    if (holdout !== undefined) impressions += 1 - holdout.share;
  const browsed = VISIT.browseOnShare / (1 - VISIT.browseOnShare);
  const clicksPerVisit =
    impressions +
    1 +
    VISIT.beaconShare +
    browsed +
    VISIT.secondEntryShare +
    wantedPerVisit * 3 +
    (1 - wantedPerVisit) * VISIT.idleCartShare * (2 + VISIT.idleCheckoutShare);
  const { cancelShare, returnShare } = options;
  const orderEventsPerVisit =
    wantedPerVisit * (1 + cancelShare + (1 - cancelShare) * (2 + returnShare));
  const eventsPerVisit = clicksPerVisit / (1 - options.botShare) + orderEventsPerVisit;
  const perMs = options.eventsPerSecond / SECOND_MS - fixedEventsPerMs(options);
  if (perMs <= 0) {
    throw new EngineError({
      code: 'CONFIG_INVALID',
      kind: 'fatal',
      message:
        "Expected more eventsPerSecond than the shop's stock counts, prices and spend make alone",
      details: { path: 'eventsPerSecond', fixedPerSecond: fixedEventsPerMs(options) * SECOND_MS },
    });
  }
  const visitsPerMs = perMs / eventsPerVisit;
  return {
    visitsPerMs,
    wantedOrdersPerMs: visitsPerMs * wantedPerVisit,
    botClicksPerMs: (visitsPerMs * clicksPerVisit * options.botShare) / (1 - options.botShare),
  };
}

/** What the lifts of all channels do to an average visitor's chance to buy. */
function meanLift(options: ShopOptions): number {
  return options.clickChannels.reduce(
    (product, { holdout }) =>
      holdout === undefined ? product : product * (1 + holdout.trueLift * (1 - holdout.share)),
    1,
  );
}

function fixedEventsPerMs(options: ShopOptions): number {
  const keys = options.skuCount * options.nodeCount;
  const campaigns = options.clickChannels.reduce(
    (sum, channel) => sum + channel.campaigns.length,
    0,
  );
  const currencies = new Set(options.salesChannels.map((channel) => channel.currency)).size;
  const perDay =
    keys * (PER_DAY.countsPerKey + PER_DAY.restocksPerKey * EVENTS_PER_RESTOCK) +
    campaigns * PER_DAY.spend +
    (currencies - 1) * PER_DAY.fxPerCurrency +
    options.skuCount * PER_DAY.pricesPerSku;
  return perDay / options.dayLengthMs;
}
