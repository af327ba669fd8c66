import { isObject } from './events/check-record.ts';

/** What is counted of a visitor in a range, from net clicks and placed orders; rules speak of it. */
export const SEGMENT_FEATURES = [
  'clicks',
  'product_views',
  'add_to_carts',
  'checkouts',
  'campaign_clicks',
  'orders',
  'promo_orders',
] as const;
export type SegmentFeature = (typeof SEGMENT_FEATURES)[number];

/** Who belongs to a segment: visitors of whom every feature in `when` was counted at least so often. */
export interface SegmentRule {
  readonly segment: string;
  readonly when: Readonly<Partial<Record<SegmentFeature, number>>>;
}

/** What visitors that no rule takes are called. */
export const OTHER_SEGMENT = 'other';

/** The rules while no reference event has set any. The first that fits takes the visitor. */
export const DEFAULT_SEGMENT_RULES: readonly SegmentRule[] = [
  { segment: 'price-sensitive', when: { promo_orders: 1 } },
  { segment: 'high-intent', when: { checkouts: 1 } },
  { segment: 'event-driven', when: { campaign_clicks: 1 } },
];

const SEGMENT_LENGTH_MAX = 64;

/** A rule from its JSON; undefined where it is none. */
export function parseSegmentRule(text: string): SegmentRule | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const { segment, when } = json;
  if (typeof segment !== 'string' || segment === '' || segment.length > SEGMENT_LENGTH_MAX)
    return undefined;
  if (!isObject(when)) return undefined;
  const least = Object.entries(when);
  const isRule = least.every(
    ([name, value]) =>
      SEGMENT_FEATURES.some((feature) => feature === name) &&
      typeof value === 'number' &&
      Number.isSafeInteger(value) &&
      value >= 1,
  );
  if (!isRule || least.length === 0) return undefined;
  return { segment, when: Object.fromEntries(least.map(([name, value]) => [name, Number(value)])) };
}

/** The rules as the parallel lists of text that SQL takes: one entry per condition, and the segments in order. */
export function segmentParameters(
  rules: readonly SegmentRule[],
): Readonly<Record<'segments' | 'rule_of' | 'feature_of' | 'least_of', readonly string[]>> {
  const conditions = rules.flatMap(({ when }, rule) =>
    SEGMENT_FEATURES.flatMap((feature, index) => {
      const least = when[feature];
      return least === undefined ? [] : [{ rule: rule + 1, feature: index + 1, least }];
    }),
  );
  return {
    segments: rules.map(({ segment }) => segment),
    rule_of: conditions.map(({ rule }) => String(rule)),
    feature_of: conditions.map(({ feature }) => String(feature)),
    least_of: conditions.map(({ least }) => String(least)),
  };
}
