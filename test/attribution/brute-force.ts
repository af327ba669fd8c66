import type { AttributionConfig } from '../../processors/attribution/config.ts';
import type { Click } from '../../schemas/events/click.ts';
import type { Order } from '../../schemas/events/order.ts';
import { HOUR_MS } from '../../schemas/time.ts';

/** A click of a visitor as the batch computation sees it. */
interface Step {
  readonly click: Click;
  readonly session: number;
  readonly isFirst: boolean;
}

interface Stop {
  readonly placed: Order;
  readonly valueMinor: bigint;
}

/**
 * The rows of `attribution_1h_rows` by a plain walk over all events, sharing nothing with the
 * operator: `${hour}|${model}|${channel}|${campaign}|${currency}` → the sums that are not zero.
 */
export function attributionByBruteForce(
  clicks: readonly Click[],
  orders: readonly Order[],
  config: AttributionConfig,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const rows = new Map<string, Record<string, number>>();
  const visitors = new Set([...clicks, ...orders].map((event) => event.visitor_id));
  for (const visitor of visitors) {
    const steps = stepsOf(
      clicks.filter((click) => click.visitor_id === visitor),
      config,
    );
    const stops = stopsOf(
      orders.filter((order) => order.visitor_id === visitor),
      config,
    );
    stops.forEach((stop, index) => {
      credit(rows, { stop, path: pathOf(steps, stop, stops[index - 1], config) }, config);
    });
  }
  return Object.fromEntries(
    [...rows]
      .map(([key, sums]) => {
        const entries = Object.entries(sums).filter(([, sum]) => sum !== 0);
        return [key, Object.fromEntries(entries)] as const;
      })
      .filter(([, sums]) => Object.keys(sums).length > 0),
  );
}

function stepsOf(clicks: readonly Click[], config: AttributionConfig): Step[] {
  const net = clicks.filter(({ kind }) => kind !== 'impression' && kind !== 'beacon');
  const steps: Step[] = [];
  for (const click of net.toSorted(byTimeAndId)) {
    const before = steps.at(-1);
    const isFirst =
      before === undefined || click.occurred_at - before.click.occurred_at > config.sessionGapMs;
    steps.push({ click, session: (before?.session ?? 0) + (isFirst ? 1 : 0), isFirst });
  }
  return steps.filter(({ click, isFirst }) => isFirst || click.kind === 'click');
}

function stopsOf(events: readonly Order[], config: AttributionConfig): Stop[] {
  const told = events.filter(({ status }) => status !== 'shipped' && status !== 'delivered');
  const runs: Order[][] = [];
  for (const id of new Set(told.map((event) => event.order_id))) {
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const event of told.filter(({ order_id }) => order_id === id).toSorted(byTimeAndId)) {
      if (event.occurred_at - lastMs > config.returnsKeptMs) runs.push([]);
      runs.at(-1)?.push(event);
      lastMs = event.occurred_at;
    }
  }
  return runs
    .filter((own) => !own.some(({ status }) => status === 'cancelled'))
    .flatMap((own) => {
      const placed = own.find(({ status }) => status === 'placed');
      if (placed === undefined) return [];
      const left = own
        .filter(({ status, currency }) => status === 'returned' && currency === placed.currency)
        .reduce((sum, event) => sum - valueOf(event), valueOf(placed));
      return [{ placed, valueMinor: left < 0n ? 0n : left }];
    })
    .toSorted((a, b) => byTimeAndId(a.placed, b.placed));
}

function pathOf(
  steps: readonly Step[],
  stop: Stop,
  before: Stop | undefined,
  config: AttributionConfig,
): Click[] {
  const untilMs = stop.placed.occurred_at;
  const inSpan = steps.filter(
    ({ click: { occurred_at: timeMs } }) =>
      timeMs <= untilMs &&
      untilMs - timeMs <= config.lookbackMs &&
      (before === undefined || timeMs > before.placed.occurred_at),
  );
  const newest = inSpan.slice(-config.touchesMax);
  return newest
    .filter((step, index) => {
      const last = newest[index - 1];
      const isRepeat = last?.session === step.session && last.click.channel === step.click.channel;
      return !isRepeat;
    })
    .map(({ click }) => click);
}

function credit(
  rows: Map<string, Record<string, number>>,
  { stop, path }: { readonly stop: Stop; readonly path: readonly Click[] },
  config: AttributionConfig,
): void {
  const { occurred_at: timeMs, currency } = stop.placed;
  const hour = timeMs - (timeMs % HOUR_MS);
  for (const model of config.models) {
    const weights = path.length === 0 ? [1n] : weightsOf(model, path, config);
    const milli = split(1_000n, weights);
    const minor = split(stop.valueMinor, weights);
    weights.forEach((_, index) => {
      const channel = path[index]?.channel ?? 'unattributed';
      const key = [hour, model, channel, path[index]?.campaign ?? '', currency].join('|');
      const row = rows.get(key) ?? { conversions_milli: 0, credit_minor: 0 };
      row['conversions_milli'] = (row['conversions_milli'] ?? 0) + Number(milli[index]);
      row['credit_minor'] = (row['credit_minor'] ?? 0) + Number(minor[index]);
      rows.set(key, row);
    });
  }
}

function weightsOf(model: string, path: readonly Click[], config: AttributionConfig): bigint[] {
  const count = path.length;
  const at = (chosen: number): bigint[] => path.map((_, index) => (index === chosen ? 1n : 0n));
  switch (model) {
    case 'first':
      return at(0);
    case 'last':
      return at(count - 1);
    case 'last_non_direct': {
      const others = path.filter(({ channel }) => channel !== 'direct');
      return at(path.lastIndexOf(others.at(-1) ?? path.at(-1) ?? path[0] ?? never()));
    }
    case 'linear':
      return path.map(() => 1n);
    case 'position': {
      // In units of 1/(10 · (k − 2)): .4 is 4(k − 2), .2/(k − 2) is 2.
      if (count <= 2) return path.map(() => 1n);
      const end = 4n * BigInt(count - 2);
      return path.map((_, index) => (index === 0 || index === count - 1 ? end : 2n));
    }
    case 'time_decay': {
      const newestMs = Math.max(...path.map((click) => click.occurred_at));
      return path.map((click) =>
        BigInt(Math.floor(2 ** (32 - (newestMs - click.occurred_at) / config.halfLifeMs))),
      );
    }
    case 'shapley':
      return path.map(({ channel }, index) =>
        path.findIndex((other) => other.channel === channel) === index ? 1n : 0n,
      );
    default:
      return never();
  }
}

/** Largest remainder by exact fractions: the units left over go round by descending remainder. */
function split(total: bigint, weights: readonly bigint[]): bigint[] {
  const sum = weights.reduce((a, b) => a + b, 0n);
  const parts = weights.map((weight) => (total * weight) / sum);
  const ranked = weights
    .map((weight, index) => ({ index, remainder: (total * weight) % sum }))
    .toSorted((a, b) =>
      a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
    );
  const left = Number(total - parts.reduce((a, b) => a + b, 0n));
  for (const { index } of ranked.slice(0, left)) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

function valueOf(order: Order): bigint {
  return order.lines.reduce(
    (sum, line) => sum + BigInt(line.quantity) * BigInt(line.unit_price_minor),
    0n,
  );
}

function byTimeAndId(
  a: { readonly occurred_at: number; readonly event_id: string },
  b: { readonly occurred_at: number; readonly event_id: string },
): number {
  return a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1);
}

function never(): never {
  throw new RangeError('no such model or touch');
}
