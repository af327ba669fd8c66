import type { StockLevelsConfig } from '../../processors/stock/operator.ts';
import type { StockConfig } from '../../processors/stock/processor.ts';
import { WeekProfile } from '../../processors/stock/week-profile.ts';
import { DAY_MS } from '../../schemas/time.ts';

/** What the stock processor is told when a test says nothing else: the defaults of the configuration. */
export const STOCK_CONFIG: StockConfig = {
  allowedLatenessMs: DAY_MS,
  returnsKeptMs: 90 * DAY_MS,
  sequenceGaps: true,
  owners: {},
  leadTimeMs: 5 * DAY_MS,
  reviewPeriodMs: DAY_MS,
  profile: [],
  substitutionShare: 0,
  priceChannel: 'dtc',
};

/** The same for the operator of levels alone. */
export const STOCK_LEVELS_CONFIG: StockLevelsConfig = {
  ...STOCK_CONFIG,
  rules: {
    profile: new WeekProfile(),
    leadTimeMs: STOCK_CONFIG.leadTimeMs,
    reviewPeriodMs: STOCK_CONFIG.reviewPeriodMs,
  },
};
