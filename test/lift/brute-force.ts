import { createHash } from 'node:crypto';

import type { LiftConfig } from '../../processors/lift/config.ts';
import { LIFT_COHORTS } from '../../processors/lift/row.ts';
import type { Click } from '../../schemas/events/click.ts';
import type { Order } from '../../schemas/events/order.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/time.ts';

interface Placed {
  readonly atMs: number;
  readonly stands: boolean;
  readonly full: number;
  readonly left: number;
  readonly margin: number;
}

/** The sums of every test, worked out visitor by visitor from all events at once. */
export function liftByBruteForce(
  clicks: readonly Click[],
  orders: readonly Order[],
  config: LiftConfig,
  isWithdrawn: (visitor: string, atMs: number) => boolean = () => false,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const rows: Record<string, Record<string, number>> = {};
  for (const visitor of new Set(clicks.map(({ visitor_id: id }) => id))) {
    const placed = placedOrders(
      orders.filter(({ visitor_id: id }) => id === visitor),
      config,
    );
    for (const test of config.tests) {
      const eligible = clicks.filter(
        ({ visitor_id: id, kind, occurred_at: atMs }) =>
          id === visitor &&
          kind !== 'impression' &&
          kind !== 'beacon' &&
          atMs >= test.startMs &&
          (test.stopMs === undefined || atMs < test.stopMs),
      );
      const times = eligible.map(({ occurred_at: atMs }) => atMs);
      if (times.length === 0) continue;
      const counted = times.filter((atMs) => !isWithdrawn(visitor, atMs));
      const isRemoved = counted.length === 0;
      const first = Math.min(...(isRemoved ? times : counted));
      const cohort = test.horizonMs >= DAY_MS ? HOUR_MS : MINUTE_MS;
      const digest = createHash('sha256')
        .update(test.salt + test.channel + visitor)
        .digest();
      const assigned =
        digest.readUInt32BE(0) % 10_000 < 10_000 * test.share ? 'holdout' : 'treated';
      const crossings = eligible.filter(
        ({ channel, arm, occurred_at: atMs }) =>
          channel === test.channel &&
          arm !== null &&
          arm !== assigned &&
          (isRemoved || !isWithdrawn(visitor, atMs)),
      );
      const isExcluded = !isRemoved && crossings.length > 0;
      // Seen in both at the same instant, it is the holdout.
      const arm = crossings.some(({ occurred_at: atMs }) => atMs === first) ? 'holdout' : assigned;
      const standing = isRemoved
        ? placed
        : placed.filter(({ atMs }) => !isWithdrawn(visitor, atMs));
      const before = standing.filter(({ atMs }) => atMs < first && atMs >= first - 14 * DAY_MS);
      const within = standing.filter(
        ({ atMs, stands }) => stands && atMs >= first && atMs < first + test.horizonMs,
      );
      const d = within.length;
      const y = Math.min(total(within, 'left'), test.valueMinorMax);
      const m = Math.min(
        Math.max(total(within, 'margin'), -test.valueMinorMax),
        test.valueMinorMax,
      );
      const x = Math.min(total(before, 'full'), test.valueMinorMax);
      const c = d > 0 ? 1 : 0;
      const stratum = before.length > 0 ? 'known' : 'new';
      const key = [first - (first % cohort), test.id, test.channel, arm, stratum].join('|');
      const row = (rows[key] ??= Object.fromEntries(LIFT_COHORTS.sums.map((name) => [name, 0])));
      const values = [
        1,
        c,
        d,
        d * d,
        y,
        high(y * y),
        low(y * y),
        y * d,
        m,
        high(m * m),
        low(m * m),
        x,
        high(x * x),
        low(x * x),
        high(x * y),
        low(x * y),
        x * c,
        x * d,
      ];
      if (isRemoved || isExcluded) values.fill(0);
      values.push(isRemoved ? 1 : 0, isExcluded ? 1 : 0);
      for (const [index, name] of LIFT_COHORTS.sums.entries()) {
        row[name] = (row[name] ?? 0) + (values[index] ?? 0);
      }
    }
  }
  return Object.fromEntries(
    Object.entries(rows)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, row]) => [
        key,
        Object.fromEntries(Object.entries(row).filter(([, value]) => value !== 0)),
      ]),
  );
}

function placedOrders(orders: readonly Order[], config: LiftConfig): readonly Placed[] {
  const sorted = orders
    .filter(({ status }) => ['placed', 'returned', 'cancelled'].includes(status))
    .toSorted((a, b) =>
      a.occurred_at === b.occurred_at
        ? Number(a.event_id > b.event_id) - 0.5
        : a.occurred_at - b.occurred_at,
    );
  const groups: Order[][] = [];
  for (const order of sorted) {
    const group = groups.findLast((other) => other[0]?.order_id === order.order_id);
    const last = group?.at(-1);
    if (group === undefined || last === undefined) groups.push([order]);
    else if (order.occurred_at - last.occurred_at > config.returnsKeptMs) groups.push([order]);
    else group.push(order);
  }
  return groups.flatMap((group) => {
    const placed = group.find(({ status }) => status === 'placed');
    if (placed === undefined) return [];
    const returns = group.filter(({ status }) => status === 'returned');
    const value = (order: Order): number => amount(order, config, () => 0);
    const margin = (order: Order): number => amount(order, config, (line) => line.unit_cost_minor);
    return [
      {
        atMs: placed.occurred_at,
        stands: !group.some(({ status }) => status === 'cancelled'),
        full: value(placed),
        left: Math.max(0, value(placed) - returns.reduce((sum, order) => sum + value(order), 0)),
        margin: margin(placed) - returns.reduce((sum, order) => sum + margin(order), 0),
      },
    ];
  });
}

/** Σ quantity × (price − cost) over the lines with a cost. */
function amount(
  { currency, lines }: Order,
  config: LiftConfig,
  costOf: (line: Order['lines'][number]) => number | null,
): number {
  if (currency !== config.currency) return 0;
  return lines.reduce((sum, line) => {
    const cost = costOf(line);
    return cost === null ? sum : sum + line.quantity * (line.unit_price_minor - cost);
  }, 0);
}

function total(orders: readonly Placed[], field: 'full' | 'left' | 'margin'): number {
  return orders.reduce((sum, order) => sum + order[field], 0);
}

function high(product: number): number {
  return Number(BigInt(product) / 2n ** 26n);
}

function low(product: number): number {
  return Number(BigInt(product) % 2n ** 26n);
}
