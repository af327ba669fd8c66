import { COMPARISON_METHODS, COMPARISON_OUTCOMES } from '../schemas/lift-method.ts';
import { isCurrency } from '../schemas/money.ts';
import { DAY_MS, EVENT_TIME_MS_MIN } from '../schemas/time.ts';
import { OUTCOMES, VALUE_MINOR_MAX } from './lift/row.ts';
import { records, required } from './setting-records.ts';
import {
  type Setting,
  choice,
  duration,
  integer,
  optionalText,
  optionalTexts,
  share,
  text,
} from './setting.ts';

/** Every visitor is hashed once per test, and every order compared with each. */
const TESTS_MAX = 32;

/** Each is a query of its own whenever lift is asked for. */
const COMPARISONS_MAX = 16;

const REGION_LENGTH_MAX = 64;

/** A name that needs no escaping anywhere. */
const NAME = /^[\w.-]{1,64}$/;
const NAME_ALLOWED = 'up to 64 letters, digits, dots, dashes and underscores';

/** The section `lift` of the configuration. */
export const LIFT_SETTINGS = {
  currency: text('EUR', 'an ISO 4217 currency', isCurrency),
  tests: records(
    {
      id: required(text('', NAME_ALLOWED, (value) => NAME.test(value))),
      channel: required(text('', 'a channel', (value) => value !== '')),
      salt: optionalText(NAME_ALLOWED, (value) => NAME.test(value)),
      share: share(0.1, { min: 0.01, max: 0.5 }),
      start: required(instant({ isDayStart: true })),
      stop: instant({ isDayStart: false }),
      horizon: duration('7d', { min: '1m', max: '90d' }),
      planned_visitors: integer(5_000, { min: 100, max: 1_000_000_000 }),
      outcome: choice('converted', OUTCOMES),
      value_minor_max: integer(1_000_000, { min: 1, max: VALUE_MINOR_MAX }),
    },
    {
      countMax: TESTS_MAX,
      problemOf: spansProblem,
    },
  ),
  comparisons: records(
    {
      id: required(text('', NAME_ALLOWED, (value) => NAME.test(value))),
      channel: required(text('', 'a channel', (value) => value !== '')),
      method: required(choice('pre_post', COMPARISON_METHODS)),
      outcome: choice('orders', COMPARISON_OUTCOMES),
      start: required(instant({ isDayStart: true })),
      stop: instant({ isDayStart: true }),
      before: duration('28d', { min: '7d', max: '400d' }),
      regions: optionalTexts(
        'a list of regions of orders',
        (value) => value !== '' && value.length <= REGION_LENGTH_MAX,
      ),
    },
    {
      countMax: COMPARISONS_MAX,
      problemOf: (comparisons) => {
        const bare = comparisons.find(
          ({ method, regions }) => method === 'geo_did' && regions === undefined,
        );
        return bare === undefined
          ? spansProblem(comparisons)
          : `expected the regions of ${bare.id}, which geo_did compares with all others`;
      },
    },
  ),
} as const;

/** What is wrong with entries that have a name and a span of time. */
function spansProblem(
  entries: readonly {
    readonly id: string;
    readonly start: number | undefined;
    readonly stop: number | undefined;
  }[],
): string | undefined {
  const ids = entries.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) return `expected each id once, got ${twice} twice`;
  const empty = entries.find(({ start, stop }) => (stop ?? Infinity) <= (start ?? Infinity));
  return empty === undefined ? undefined : `expected ${empty.id} to stop after it starts`;
}

/** A point in time, absent by default. */
function instant({ isDayStart }: { readonly isDayStart: boolean }): Setting<number | undefined> {
  const parse = (raw: unknown): number | undefined => {
    const value = typeof raw === 'string' ? Date.parse(raw) : raw;
    const isInstant =
      typeof value === 'number' &&
      Number.isSafeInteger(value) &&
      value >= EVENT_TIME_MS_MIN &&
      (!isDayStart || value % DAY_MS === 0);
    return isInstant ? value : undefined;
  };
  return {
    kind: 'setting',
    initial: undefined,
    allowed: isDayStart
      ? 'the start of a UTC day, such as 2026-11-01'
      : 'an instant such as 2026-12-01T08:00:00Z, or epoch milliseconds',
    parse,
    parseText: parse,
    isSecret: false,
  };
}
