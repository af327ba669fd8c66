import { EngineError } from '../../schemas/errors.ts';
import { isCurrency } from '../../schemas/money.ts';
import { DAY_MS, EVENT_TIME_MS_MIN, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';

/** A randomised holdout with its known truth. */
export interface Holdout {
  /** Share of all visitors that never see the channel. */
  readonly share: number;
  readonly salt: string;
  /** Relative rise of a visitor's chance to buy when not held out: 0.2 is +20 %. */
  readonly trueLift: number;
}

/** Where visits come from. Channels without a holdout take the visits of those who are held out. */
export interface ClickChannel {
  readonly name: string;
  /** Share of visits, relative to the other channels. */
  readonly weight: number;
  /** Empty for channels that are not advertised, such as direct. */
  readonly campaigns: readonly string[];
  /** In the currency of the first sales channel. */
  readonly costPerClickMinor: number;
  readonly holdout?: Holdout;
}

/** Where orders are booked. The first one sets the reference price and the shop's own currency. */
export interface SalesChannel {
  readonly name: string;
  /** Share of orders, relative to the other channels. */
  readonly weight: number;
  readonly currency: string;
  /** Units of `currency` for one of the shop's own at the start. */
  readonly fx: number;
}

/** Everything that decides what a shop does. The same options give the same bytes. */
export interface ShopOptions {
  /** A safe integer. */
  readonly seed: number;
  /** Event time of the first events, UTC milliseconds. */
  readonly startMs: number;
  /** Length in event time; Infinity for a shop that never closes. */
  readonly durationMs: number;
  /** Unique events per second of event time, averaged over a day. */
  readonly eventsPerSecond: number;
  /**
   * Length of the shop's day in event time. Everything slow is a share of it: the daily rhythm,
   * the time between visits, deliveries, returns, restocks. 24 h is a real shop; 20 min, the
   * default, shows all of it while somebody watches.
   */
  readonly dayLengthMs: number;
  /** 0 a flat day, 1 the full difference between night and evening. */
  readonly rhythmRatio: number;
  readonly skuCount: number;
  readonly nodeCount: number;
  /** Chance that a visit wants to buy, before any channel has an effect. */
  readonly conversionRate: number;
  /** Share of the click events that bots make. */
  readonly botShare: number;
  /** Most that an event arrives after it happened, unless it is late; at most 59 s. */
  readonly disorderMsMax: number;
  /** Share of clicks and orders that arrive more than a minute, and up to `latenessMsMax`, after they happened. */
  readonly lateShare: number;
  readonly latenessMsMax: number;
  /** Share of events that are sent twice. */
  readonly duplicateShare: number;
  /** Shares of orders. */
  readonly cancelShare: number;
  readonly returnShare: number;
  /** Share of the people who sign in after their first order whose logins the shop tells of; every second such visit comes from another device. */
  readonly loginShare: number;
  /** How many SKUs become phantom stock at one node each. */
  readonly phantomCount: number;
  readonly clickChannels: readonly ClickChannel[];
  readonly salesChannels: readonly SalesChannel[];
  /** What the holdout hashes for a visitor: the id itself unless the receiving system hashes a token of it. */
  readonly holdoutKeyOf: (visitorId: string) => string;
}

/** Beyond this an event is late by design; the default out-of-orderness bound of the engine is 60 s. */
export const DISORDER_MS_MAX = 59 * SECOND_MS;

/** Keys of stock are held in memory: 200,000 of them take about 20 MB. */
const STOCK_KEYS_MAX = 200_000;

/** Bits of a visitor's arms in the pool of returning visitors. */
const HOLDOUTS_MAX = 12;

/** The shop that `weir demo` shows: moving numbers and a stockout within the first minute. */
export const DEFAULT_OPTIONS: ShopOptions = {
  seed: 1,
  startMs: Date.UTC(2026, 0, 5),
  durationMs: HOUR_MS,
  eventsPerSecond: 200,
  dayLengthMs: 20 * MINUTE_MS,
  rhythmRatio: 0.4,
  skuCount: 60,
  nodeCount: 2,
  conversionRate: 0.05,
  botShare: 0.12,
  disorderMsMax: DISORDER_MS_MAX,
  lateShare: 0,
  latenessMsMax: 6 * HOUR_MS,
  duplicateShare: 0.005,
  cancelShare: 0.03,
  returnShare: 0.08,
  loginShare: 0,
  phantomCount: 2,
  clickChannels: [
    {
      name: 'search',
      weight: 30,
      campaigns: ['brand', 'generic', 'shopping'],
      costPerClickMinor: 45,
      holdout: { share: 0.1, salt: 'search-2026-01', trueLift: 0.1 },
    },
    {
      name: 'social',
      weight: 20,
      campaigns: ['spring', 'retargeting'],
      costPerClickMinor: 30,
      holdout: { share: 0.1, salt: 'social-2026-01', trueLift: 0.2 },
    },
    {
      name: 'email',
      weight: 12,
      campaigns: ['newsletter', 'cart-reminder'],
      costPerClickMinor: 4,
      holdout: { share: 0.1, salt: 'email-2026-01', trueLift: 0.15 },
    },
    { name: 'organic', weight: 20, campaigns: [], costPerClickMinor: 0 },
    { name: 'direct', weight: 18, campaigns: [], costPerClickMinor: 0 },
  ],
  salesChannels: [
    { name: 'dtc', weight: 40, currency: 'EUR', fx: 1 },
    { name: 'amazon', weight: 25, currency: 'EUR', fx: 1 },
    { name: 'messaging', weight: 15, currency: 'EUR', fx: 1 },
    { name: 'retail', weight: 20, currency: 'RON', fx: 4.97 },
  ],
  holdoutKeyOf: (visitorId) => visitorId,
};

/**
 * The options with defaults filled in and checked.
 *
 * @throws {EngineError} CONFIG_INVALID, naming the first option that cannot be used.
 */
export function resolveOptions(options: Partial<ShopOptions>): ShopOptions {
  const resolved: ShopOptions = { ...DEFAULT_OPTIONS, ...options };
  check(Number.isSafeInteger(resolved.seed), 'seed', 'a safe integer');
  check(
    Number.isSafeInteger(resolved.startMs) && resolved.startMs >= EVENT_TIME_MS_MIN,
    'startMs',
    'an instant in whole milliseconds after 2000',
  );
  check(resolved.durationMs > 0, 'durationMs', 'above 0, or Infinity');
  check(isBetween(resolved.eventsPerSecond, 1, 1_000_000), 'eventsPerSecond', '1 to 1,000,000');
  check(isBetween(resolved.dayLengthMs, MINUTE_MS, DAY_MS), 'dayLengthMs', 'a minute to 24 h');
  check(isBetween(resolved.disorderMsMax, 0, DISORDER_MS_MAX), 'disorderMsMax', '0 to 59 s');
  check(
    isBetween(resolved.latenessMsMax, 2 * MINUTE_MS, 30 * DAY_MS),
    'latenessMsMax',
    '2 min to 30 d',
  );
  for (const name of [
    'rhythmRatio',
    'lateShare',
    'duplicateShare',
    'cancelShare',
    'returnShare',
    'loginShare',
  ] as const) {
    check(isBetween(resolved[name], 0, 1), name, '0 to 1');
  }
  check(isBetween(resolved.botShare, 0, 0.9), 'botShare', '0 to 0.9');
  check(isWhole(resolved.skuCount, 1), 'skuCount', 'a whole number of 1 or more');
  check(isWhole(resolved.nodeCount, 1), 'nodeCount', 'a whole number of 1 or more');
  check(
    resolved.skuCount * resolved.nodeCount <= STOCK_KEYS_MAX,
    'skuCount',
    `at most ${STOCK_KEYS_MAX} SKUs × nodes`,
  );
  check(
    isWhole(resolved.phantomCount, 0) && resolved.phantomCount < resolved.skuCount,
    'phantomCount',
    'a whole number below skuCount',
  );
  checkChannels(resolved);
  return resolved;
}

function checkChannels({ clickChannels, salesChannels, conversionRate }: ShopOptions): void {
  for (const [path, channels] of Object.entries({ clickChannels, salesChannels })) {
    const names = channels.map((channel) => channel.name);
    check(
      names.length > 0 && new Set(names).size === names.length,
      path,
      'one or more with unique names',
    );
    check(
      channels.every(
        ({ name, weight }) => isPlainName(name) && weight > 0 && Number.isFinite(weight),
      ),
      path,
      'names of lower-case letters, digits, - and _, weights above 0',
    );
  }
  check(
    salesChannels.every(
      ({ currency, fx }) => isCurrency(currency) && fx > 0 && Number.isFinite(fx),
    ),
    'salesChannels',
    'ISO 4217 currencies with an fx above 0',
  );
  check(salesChannels[0]?.fx === 1, 'salesChannels', 'an fx of 1 for the first');
  check(
    salesChannels.every(({ currency, fx }) => currency !== salesChannels[0]?.currency || fx === 1),
    'salesChannels',
    "an fx of 1 for the shop's own currency",
  );
  check(
    clickChannels.every(
      ({ campaigns, costPerClickMinor }) =>
        campaigns.every(isPlainName) &&
        Number.isSafeInteger(costPerClickMinor) &&
        costPerClickMinor >= 0,
    ),
    'clickChannels',
    'plain campaign names and whole costs of 0 or more',
  );
  const holdouts = clickChannels.flatMap(({ holdout }) => (holdout === undefined ? [] : [holdout]));
  check(holdouts.length <= HOLDOUTS_MAX, 'clickChannels', `at most ${HOLDOUTS_MAX} holdouts`);
  check(holdouts.length < clickChannels.length, 'clickChannels', 'one channel without a holdout');
  check(
    holdouts.every(
      ({ share, trueLift }) => isBetween(share, 0, 1) && isBetween(trueLift, -0.9, 10),
    ),
    'clickChannels',
    'holdout shares of 0 to 1 and lifts of -0.9 to 10',
  );
  const largest = holdouts.reduce(
    (product, { trueLift }) => product * Math.max(1, 1 + trueLift),
    1,
  );
  check(
    isBetween(conversionRate, 0, BUYER_VISIT_CONVERSION / largest),
    'conversionRate',
    `0 to ${(BUYER_VISIT_CONVERSION / largest).toFixed(3)} with these lifts`,
  );
}

/**
 * A visitor is a buyer or not, decided once from the arms; each visit of a buyer wants to buy with
 * this chance. So the relative lift of "has converted" is the true one within any horizon.
 */
export const BUYER_VISIT_CONVERSION = 0.5;

function isBetween(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function isWhole(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}

/** Names go into JSON and URLs as they are. */
function isPlainName(name: string): boolean {
  return /^[a-z0-9_-]{1,64}$/.test(name);
}

function check(isValid: boolean, path: string, allowed: string): void {
  if (isValid) return;
  throw new EngineError({
    code: 'CONFIG_INVALID',
    kind: 'fatal',
    message: `Expected ${allowed} for the shop's ${path}`,
    details: { path },
  });
}
