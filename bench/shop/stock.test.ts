import { expect, test } from 'vitest';

import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import type { ShopOptions } from './options.ts';
import { readBack } from './read-back.ts';
import { Shop } from './shop.ts';
import type { ShopTruth } from './truth.ts';

const OPTIONS: Partial<ShopOptions> = { seed: 3, durationMs: 45 * MINUTE_MS, phantomCount: 3 };

const shop = new Shop(OPTIONS);
// Clicks are nine lines of ten, and nothing here is about them.
const text = [...shop.next(Number.MAX_SAFE_INTEGER), ...shop.finish()]
  .filter((event) => event.type !== 'click')
  .map((event) => event.line)
  .join('');
const truth: ShopTruth = shop.truth();
const { orders, inventory } = readBack(text);

interface Change {
  readonly timeMs: number;
  /** What the change does to the books; a count only says what they are. */
  readonly units: number;
  readonly count: { readonly onHand: number; readonly safety: number } | undefined;
  readonly seq: number | undefined;
}

/** Every change of stock in the file, by SKU and node, in the order of time. */
function changesByKey(): ReadonlyMap<string, readonly Change[]> {
  const changes = new Map<string, Change[]>();
  const add = (key: string, change: Change): void => {
    changes.set(key, [...(changes.get(key) ?? []), change]);
  };
  for (const event of inventory) {
    if (event.kind !== 'count' && event.kind !== 'movement') continue;
    const count =
      event.kind === 'count'
        ? { onHand: event.on_hand ?? Number.NaN, safety: event.safety ?? Number.NaN }
        : undefined;
    add(`${event.sku} ${event.node_id}`, {
      timeMs: event.occurred_at,
      units: event.kind === 'movement' ? (event.quantity ?? Number.NaN) : 0,
      count,
      seq: event.seq ?? Number.NaN,
    });
  }
  for (const { status, lines, node_id: nodeId, occurred_at: timeMs } of orders) {
    if (status === 'shipped' || status === 'delivered') continue;
    for (const { sku, quantity } of lines) {
      add(`${sku} ${nodeId}`, {
        timeMs,
        units: status === 'placed' ? -quantity : quantity,
        count: undefined,
        seq: undefined,
      });
    }
  }
  return new Map(
    Array.from(changes, ([key, list]) => [key, list.toSorted((a, b) => a.timeMs - b.timeMs)]),
  );
}

const changes = changesByKey();

test('a replay of the file keeps every stock at zero or more, and every count agrees with it', () => {
  expect(changes.size).toBe(120);
  for (const [key, list] of changes) {
    expect({ key, first: list[0]?.count !== undefined }).toEqual({ key, first: true });
    let onHand = list[0]?.count?.onHand ?? Number.NaN;
    for (const { units, count } of list) {
      onHand += units;
      expect(onHand).toBeGreaterThanOrEqual(0);
      expect({ key, onHand: count?.onHand ?? onHand }).toEqual({ key, onHand });
    }
  }
});

test('changes of one stock never share an instant, and its numbers have no gap', () => {
  for (const list of changes.values()) {
    expect(new Set(list.map(({ timeMs }) => timeMs)).size).toBe(list.length);
    const numbers = list.flatMap(({ seq }) => seq ?? []);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  }
});

test('the stockouts of the truth are the times in which a replay has nothing available', () => {
  const replayed: string[] = [];
  for (const [key, list] of changes) {
    let onHand = 0;
    let safety = 0;
    let outSinceMs: number | undefined;
    for (const { timeMs, units, count } of list) {
      onHand = count === undefined ? onHand + units : count.onHand;
      safety = count?.safety ?? safety;
      const isOut = onHand - safety <= 0;
      if (isOut && outSinceMs === undefined) outSinceMs = timeMs;
      if (isOut || outSinceMs === undefined) continue;
      replayed.push(`${key} ${outSinceMs} ${timeMs}`);
      outSinceMs = undefined;
    }
    if (outSinceMs !== undefined) replayed.push(`${key} ${outSinceMs} open`);
  }
  const known = truth.stockouts.map(
    ({ sku, node_id: nodeId, from, to }) => `${sku} ${nodeId} ${from} ${to ?? 'open'}`,
  );
  expect(replayed.length).toBeGreaterThan(10);
  expect(replayed.toSorted()).toEqual(known.toSorted());
});

test('a fast SKU runs out within the first minute, and then every few minutes', () => {
  const starts = truth.stockouts
    .map(({ from }) => from - truth.summary.from)
    .toSorted((a, b) => a - b);
  expect(starts[0]).toBeLessThan(MINUTE_MS);
  const gaps = starts.slice(1).map((startMs, index) => startMs - (starts[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(5 * MINUTE_MS);
});

test('nothing sells of phantom stock although every count shows it', () => {
  expect(truth.phantoms.length).toBe(3);
  const wanted = truth.phantoms.map(({ sku, node_id: nodeId }) =>
    truth.summary.skus
      .find((known) => known.sku === sku)
      ?.nodes.find((node) => node.node_id === nodeId),
  );
  for (const node of wanted) expect(node?.lost_units).toBeGreaterThan(0);
  for (const { sku, node_id: nodeId, from, shown_units: shownUnits } of truth.phantoms) {
    expect(shownUnits).toBeGreaterThanOrEqual(3);
    const after = orders.filter(
      (order) => order.status === 'placed' && order.node_id === nodeId && order.occurred_at >= from,
    );
    expect(after.some((order) => order.lines.some((line) => line.sku === sku))).toBe(false);
    const counts = inventory.filter(
      (event) =>
        event.kind === 'count' &&
        event.sku === sku &&
        event.node_id === nodeId &&
        event.occurred_at >= from,
    );
    expect(counts.length).toBeGreaterThan(1);
    for (const count of counts)
      expect((count.on_hand ?? 0) - (count.safety ?? 0)).toBeGreaterThanOrEqual(shownUnits);
  }
});

test('units sold are the units of the orders, and demand is what was sold and what was lost', () => {
  for (const { sku, nodes } of truth.summary.skus) {
    for (const {
      node_id: nodeId,
      demanded_units: demanded,
      sold_units: sold,
      lost_units: lost,
    } of nodes) {
      const placed = orders.filter(
        (order) => order.status === 'placed' && order.node_id === nodeId,
      );
      const lines = placed.flatMap((order) => order.lines).filter((line) => line.sku === sku);
      expect(lines.reduce((sum, line) => sum + line.quantity, 0)).toBe(sold);
      expect(demanded).toBe(sold + lost);
    }
  }
  const lostWhileOut = truth.stockouts.reduce((sum, { lost_units: lost }) => sum + lost, 0);
  expect(lostWhileOut).toBeGreaterThan(0);
});

test('demand follows the rate of the truth: Poisson where a line is one unit', () => {
  const days = (truth.summary.to - truth.summary.from) / truth.summary.day_length_ms;
  let chiSquare = 0;
  let cells = 0;
  for (const { units_per_line: unitsPerLine, nodes } of truth.summary.skus) {
    for (const { units_per_day: rate, demanded_units: demanded } of nodes) {
      const expected = rate * days;
      // One to three units a line, each as likely: the variance of a sum of such lines is 14/3 a line.
      const variance = unitsPerLine === 1 ? expected : (expected / 2) * (14 / 3);
      chiSquare += (demanded - expected) ** 2 / variance;
      cells += 1;
    }
  }
  // The sum of squares of `cells` standard normal deviates: mean `cells`, variance twice that.
  expect(Math.abs(chiSquare - cells)).toBeLessThan(4 * Math.sqrt(2 * cells));
});

test('every delivery was announced with its units and its time', () => {
  const announced = inventory.filter((event) => event.kind === 'inbound');
  const movements = inventory.filter((event) => event.kind === 'movement');
  expect(movements.length).toBeGreaterThan(100);
  for (const { sku, node_id: nodeId, quantity, occurred_at: timeMs } of movements) {
    const match = announced.find(
      (event) =>
        event.sku === sku &&
        event.node_id === nodeId &&
        event.quantity === quantity &&
        event.occurred_at < timeMs &&
        Math.abs((event.due_at ?? 0) - timeMs) < SECOND_MS,
    );
    expect(match).toBeDefined();
  }
});
