import { expect, test } from 'vitest';

import { isHeldOut, bucketOf } from '../../schemas/assignment.ts';
import { MINUTE_MS, SECOND_MS } from '../../schemas/time.ts';
import { type ReadShop, readBack } from './read-back.ts';
import { Shop, gatherTruth } from './shop.ts';
import type { BotKind, BotTruth, ShopTruth, TruthRecord } from './truth.ts';

/** Forty minutes in days of four: long enough for people and goods to come back, several times. */
const OPTIONS = {
  seed: 11,
  durationMs: 40 * MINUTE_MS,
  dayLengthMs: 4 * MINUTE_MS,
  eventsPerSecond: 100,
  lateShare: 0.02,
  latenessMsMax: 10 * MINUTE_MS,
  cancelShare: 0.1,
};

/** The shop's file and its truth: taken as it goes, and the rest at the end. */
function run(): { readonly file: ReadShop; readonly truth: ShopTruth } {
  const shop = new Shop(OPTIONS);
  const records: TruthRecord[] = [];
  let text = '';
  while (!shop.isOver) {
    for (const event of shop.next(shop.nowMs + 10 * SECOND_MS)) text += event.line;
    records.push(...shop.takeTruth());
    if (shop.isClosed) for (const event of shop.finish()) text += event.line;
  }
  records.push(...shop.restOfTruth());
  return { file: readBack(text), truth: gatherTruth(records) };
}

const { file, truth } = run();
const { clicks, orders } = file;
const { summary } = truth;

function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;
}

test('a naive recount of the file equals the truth of every minute and channel', () => {
  const recount = new Map<string, Record<string, number>>();
  const add = (timeMs: number, channel: string, column: string, amount: number): void => {
    const key = `${minuteOf(timeMs)}|${channel}`;
    const row = recount.get(key) ?? {};
    row[column] = (row[column] ?? 0) + amount;
    recount.set(key, row);
  };
  const bots = new Set(truth.bots.flatMap((bot) => bot.visitor_ids));
  for (const { occurred_at: timeMs, channel, kind, visitor_id: visitorId } of clicks) {
    if (kind === 'beacon') continue;
    add(timeMs, channel, kind === 'impression' ? 'impressions' : 'clicks_gross', 1);
    if (bots.has(visitorId)) add(timeMs, channel, 'clicks_bot', 1);
  }
  for (const { occurred_at: timeMs, sales_channel: channel, status, lines } of orders) {
    const valueMinor = lines.reduce((sum, line) => sum + line.quantity * line.unit_price_minor, 0);
    if (status === 'placed') {
      add(timeMs, channel, 'orders', 1);
      add(
        timeMs,
        channel,
        'units',
        lines.reduce((sum, line) => sum + line.quantity, 0),
      );
      add(timeMs, channel, 'revenue_minor', valueMinor);
    } else if (status === 'cancelled' || status === 'returned') {
      add(timeMs, channel, 'returns_minor', valueMinor);
    }
  }
  const known = new Map(
    truth.minutes.map((minute) => [
      `${minute.window_start}|${minute.channel}`,
      Object.fromEntries(
        Object.entries(minute).filter(
          ([name, amount]) => name !== 'window_start' && typeof amount === 'number' && amount !== 0,
        ),
      ),
    ]),
  );
  expect(known.size).toBe(truth.minutes.length);
  expect(Object.fromEntries(recount)).toEqual(Object.fromEntries(known));
});

test('minutes name the one currency that the orders of the channel are in', () => {
  const currencies = new Map(truth.minutes.map((minute) => [minute.channel, minute.currency]));
  expect(currencies.get('search')).toBeUndefined();
  expect(currencies.get('retail')).toBe('RON');
  for (const order of orders) expect(order.currency).toBe(currencies.get(order.sales_channel));
});

test('the summary counts the unique events, the repeats and the late ones of the file', () => {
  expect(summary.events).toEqual({
    click: clicks.length,
    order: orders.length,
    inventory: file.inventory.length,
    reference: file.reference.length,
  });
  for (const status of ['placed', 'cancelled', 'returned', 'shipped', 'delivered'] as const) {
    expect(summary.order_events[status]).toBe(
      orders.filter((order) => order.status === status).length,
    );
    expect(summary.order_events[status]).toBeGreaterThan(20);
  }
  const uniqueCount = clicks.length + orders.length + file.inventory.length + file.reference.length;
  expect(summary.duplicates).toBe(file.lines.length - uniqueCount);
  expect(summary.duplicates / uniqueCount).toBeGreaterThan(0.004);
  expect(summary.duplicates / uniqueCount).toBeLessThan(0.006);
  expect(summary.limited).toEqual({ late: 0, lifecycles: 0 });
});

test('late events are those more than a minute behind, and only clicks and orders are', () => {
  const late = new Set<string>();
  let newestMs = 0;
  for (const { event_id: id, occurred_at: timeMs } of file.lines) {
    newestMs = Math.max(newestMs, timeMs);
    if (newestMs - timeMs > MINUTE_MS) late.add(id);
  }
  // An event that is late by little over a minute may meet a stream that is itself behind; at the
  // end of the run nothing newer comes any more.
  expect(late.size).toBeLessThanOrEqual(summary.late);
  expect(late.size).toBeGreaterThan(0.7 * summary.late);
  expect(summary.late / (clicks.length + orders.length)).toBeCloseTo(OPTIONS.lateShare, 2);
  for (const { event_id: id } of [...file.inventory, ...file.reference])
    expect(late.has(id)).toBe(false);
});

/** Clicks by visitor, oldest first. */
const clicksOf = new Map<string, typeof clicks>();
for (const click of clicks.toSorted((a, b) => a.occurred_at - b.occurred_at)) {
  clicksOf.set(click.visitor_id, [...(clicksOf.get(click.visitor_id) ?? []), click]);
}

test('the truth knows every click of every bot, and no bot buys or runs the page script', () => {
  const buyers = new Set(orders.map((order) => order.visitor_id));
  expect(truth.bots.length).toBeGreaterThan(200);
  for (const bot of truth.bots) {
    const made = bot.visitor_ids.flatMap((id) => clicksOf.get(id) ?? []);
    const known = { clicks: bot.clicks, from: bot.from, to: bot.to };
    expect({
      clicks: made.length,
      from: made[0]?.occurred_at,
      to: made.at(-1)?.occurred_at,
    }).toEqual(known);
    expect(new Set(made.map((click) => click.ip))).toEqual(new Set([bot.ip]));
    expect(new Set(made.map((click) => click.user_agent))).toEqual(new Set([bot.user_agent]));
    expect(made.some((click) => click.kind === 'beacon')).toBe(false);
    expect(bot.visitor_ids.some((id) => buyers.has(id))).toBe(false);
  }
});

test('bots give themselves away as their kind does', () => {
  const ofKind = (kind: BotKind): BotTruth[] => truth.bots.filter((bot) => bot.kind === kind);
  for (const bot of ofKind('declared_crawler')) expect(bot.user_agent).toMatch(/bot|externalhit/i);
  for (const bot of ofKind('data_centre')) expect(bot.ip).toMatch(/^203\.0\.113\./);
  for (const bot of ofKind('rotating_ids')) expect(new Set(bot.visitor_ids).size).toBe(bot.clicks);
  for (const bot of ofKind('data_centre').filter(({ clicks: count }) => count >= 120)) {
    expect(bot.to - bot.from).toBeGreaterThan(MINUTE_MS);
    expect(bot.clicks / ((bot.to - bot.from) / SECOND_MS)).toBeGreaterThan(1);
  }
  const regular = ofKind('regular_gaps').filter(({ clicks: count }) => count >= 9);
  expect(regular.length).toBeGreaterThan(20);
  for (const bot of regular) {
    const times = bot.visitor_ids
      .flatMap((id) => clicksOf.get(id) ?? [])
      .map((click) => click.occurred_at);
    const gaps = times.slice(1).map((timeMs, index) => timeMs - (times[index] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    expect(Math.sqrt(variance) / mean).toBeLessThan(0.1);
  }
});

test('people have addresses that no bot network has', () => {
  const botIds = new Set(truth.bots.flatMap((bot) => bot.visitor_ids));
  const household = /^(100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|2001:db8:)/;
  const strange = clicks.filter(
    ({ visitor_id: id, ip }) => !botIds.has(id) && !household.test(ip ?? ''),
  );
  expect(strange).toEqual([]);
});

test('who is held out of a channel has none of its clicks, and who is treated has seen it', () => {
  for (const { channel, holdout_share: share, salt, treated, holdout } of summary.lift) {
    const botIds = new Set(truth.bots.flatMap((bot) => bot.visitor_ids));
    const people = new Set(clicks.map((click) => click.visitor_id).filter((id) => !botIds.has(id)));
    const buyers = new Set(
      orders.filter((order) => order.status === 'placed').map((order) => order.visitor_id),
    );
    const touched = new Set(
      clicks.filter((click) => click.channel === channel).map((click) => click.visitor_id),
    );
    const isOut = (id: string): boolean => isHeldOut(bucketOf(salt, channel, id), share);
    const held = [...people].filter(isOut);
    expect([...touched].filter(isOut)).toEqual([]);
    expect({
      visitors: held.length,
      converters: held.filter((id) => buyers.has(id)).length,
    }).toMatchObject({
      visitors: holdout.visitors,
      converters: holdout.converters,
    });
    expect(held.length + treated.visitors).toBe(people.size);
    expect(treated.converters + holdout.converters).toBe(buyers.size);
    expect(treated.orders + holdout.orders).toBe(summary.order_events.placed);
    // Those who were already on their way in when the record began have seen theirs before it.
    const unseen = [...people].filter((id) => !isOut(id) && !touched.has(id));
    expect(unseen.length / treated.visitors).toBeLessThan(0.02);
  }
});

test('people come back after more than a quarter of a day, buyers signed in, and some paths have many channels', () => {
  const sessions = new Map<string, Map<string, typeof clicks>>();
  for (const click of clicks) {
    const ofVisitor = sessions.get(click.visitor_id) ?? new Map<string, typeof clicks>();
    sessions.set(click.visitor_id, ofVisitor);
    const id = click.session_id ?? '';
    ofVisitor.set(id, [...(ofVisitor.get(id) ?? []), click]);
  }
  const several = [...sessions.values()].filter((ofVisitor) => ofVisitor.size > 1);
  expect(several.length / sessions.size).toBeGreaterThan(0.1);
  for (const ofVisitor of several) {
    const spans = [...ofVisitor.values()]
      .map((session) => session.map((click) => click.occurred_at))
      .map((times) => ({ startMs: Math.min(...times), endMs: Math.max(...times) }))
      .toSorted((a, b) => a.startMs - b.startMs);
    for (const [index, { startMs }] of spans.slice(1).entries()) {
      expect(startMs - (spans[index]?.endMs ?? 0)).toBeGreaterThanOrEqual(
        OPTIONS.dayLengthMs / 4 - 10 * SECOND_MS,
      );
    }
  }
  const firstOrderMs = new Map<string, number>();
  for (const { status, visitor_id: id, occurred_at: timeMs } of orders) {
    if (status === 'placed') firstOrderMs.set(id, Math.min(timeMs, firstOrderMs.get(id) ?? timeMs));
  }
  const signedIn = clicks.filter((click) => click.signed_in === true);
  expect(signedIn.length).toBeGreaterThan(100);
  for (const click of signedIn) {
    expect(click.occurred_at).toBeGreaterThan(
      firstOrderMs.get(click.visitor_id) ?? Number.POSITIVE_INFINITY,
    );
  }
  const channelCounts = several.map(
    (ofVisitor) =>
      new Set(
        [...ofVisitor.values()]
          .flat()
          .filter((click) => click.kind === 'click')
          .map((click) => click.channel),
      ).size,
  );
  expect(Math.max(...channelCounts)).toBeGreaterThanOrEqual(4);
});

test('spend events add up to the cost of the clicks in the time that they name', () => {
  const spend = file.reference
    .filter((event) => event.kind === 'spend')
    .toSorted((a, b) => a.occurred_at - b.occurred_at);
  const costMinor = new Map([
    ['search', 45],
    ['social', 30],
    ['email', 4],
  ]);
  const ends = [...new Set(spend.map((event) => event.occurred_at))];
  const paid = new Map<string, number>();
  for (const { kind, channel, campaign, occurred_at: timeMs } of clicks) {
    if (kind !== 'click' || campaign === null) continue;
    const key = `${channel} ${campaign} ${ends.find((endMs) => timeMs < endMs)}`;
    paid.set(key, (paid.get(key) ?? 0) + (costMinor.get(channel) ?? 0));
  }
  expect(spend.length).toBe(ends.length * 7);
  for (const event of spend) {
    const { channel, campaign, from, to, amount_minor: amountMinor, currency } = event;
    expect(amountMinor).toBe(paid.get(`${channel} ${campaign} ${to}`) ?? 0);
    expect({ currency, to }).toEqual({ currency: 'EUR', to: event.occurred_at });
    const at = ends.indexOf(event.occurred_at);
    expect(from).toBe(at === 0 ? summary.from : ends[at - 1]);
  }
  for (const [channel, totalMinor] of Object.entries(summary.spend_minor)) {
    const events = spend.filter((event) => event.channel === channel);
    expect(events.reduce((sum, event) => sum + (event.amount_minor ?? 0), 0)).toBe(totalMinor);
    expect(totalMinor).toBeGreaterThan(0);
  }
});

test('an order is placed, then cancelled or shipped, delivered and perhaps returned, by the same person', () => {
  const byOrder = new Map<string, typeof orders>();
  for (const order of orders)
    byOrder.set(order.order_id, [...(byOrder.get(order.order_id) ?? []), order]);
  const paths = new Set<string>();
  for (const events of byOrder.values()) {
    const ordered = events.toSorted((a, b) => a.occurred_at - b.occurred_at);
    paths.add(ordered.map((order) => order.status).join(' '));
    for (const field of [
      'visitor_id',
      'customer_id',
      'sales_channel',
      'currency',
      'node_id',
      'due_at',
      'zone',
    ] as const) {
      expect(new Set(ordered.map((order) => order[field])).size).toBe(1);
    }
    const placed = ordered[0];
    for (const line of ordered.flatMap((order) => order.lines)) {
      const original = placed?.lines.find(({ line_id: id }) => id === line.line_id);
      expect(original).toMatchObject({ sku: line.sku, unit_price_minor: line.unit_price_minor });
      expect(line.quantity).toBeLessThanOrEqual(original?.quantity ?? 0);
    }
  }
  expect([...paths].toSorted()).toEqual([
    'placed',
    'placed cancelled',
    'placed shipped',
    'placed shipped delivered',
    'placed shipped delivered returned',
  ]);
  for (const { zone, placed, delivered, on_time: onTime } of summary.zones) {
    const ofZone = orders.filter((order) => order.zone === zone);
    const arrived = ofZone.filter((order) => order.status === 'delivered');
    expect(ofZone.filter((order) => order.status === 'placed').length).toBe(placed);
    expect(arrived.length).toBe(delivered);
    expect(arrived.filter((order) => order.occurred_at <= (order.due_at ?? 0)).length).toBe(onTime);
  }
});
