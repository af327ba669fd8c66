import { expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../../schemas/time.ts';
import { parseBotClicksRow, parseBotWithdrawalRow } from '../src/live/bot-rows.ts';
import {
  type ChannelRow,
  parseAlertRow,
  parseAttributionRow,
  parseChannelRow,
  parsePipelineRow,
  parseStockRow,
} from '../src/live/rows.ts';
import { creditByCurrency } from '../src/numbers/attribution-shares.ts';
import { totalChannels, totalOfAll, visitorsAt } from '../src/numbers/channel-totals.ts';
import { unaccounted } from '../src/numbers/event-balance.ts';
import {
  formatFraction,
  formatLatency,
  formatLength,
  formatMoment,
  formatMoney,
  formatMoneyDifference,
  formatShare,
} from '../src/numbers/format.ts';
import { digestOf } from '../src/numbers/incident-digest.ts';
import { orderIncidents, spreadOverKinds } from '../src/numbers/incident-order.ts';
import { minuteSeries } from '../src/numbers/minute-series.ts';
import { phantomsOf } from '../src/numbers/phantoms.ts';
import { placeOf, stockoutsByPlace } from '../src/numbers/stock-losses.ts';
import { totalQuality, trafficQuality } from '../src/numbers/traffic-quality.ts';

const NOON_MS = Date.UTC(2026, 10, 21, 12);

function defined<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('Expected a row');
  return value;
}

function channelRow(row: object): ChannelRow {
  return defined(parseChannelRow({ window_start: NOON_MS, channel: 'dtc', currency: '', ...row }));
}

test('amounts of different currencies stand apart, counts add up over them', () => {
  const [total] = totalChannels([
    channelRow({ clicks_net: 40 }),
    channelRow({ currency: 'USD', orders: 1, revenue_minor: 700, returns_minor: 50 }),
    channelRow({ currency: 'EUR', orders: 2, revenue_minor: 1000 }),
    channelRow({
      window_start: NOON_MS + MINUTE_MS,
      currency: 'EUR',
      orders: 1,
      revenue_minor: 500,
    }),
  ]);
  expect(total?.counts).toMatchObject({ clicks_net: 40, orders: 4 });
  expect(total?.money).toMatchObject([
    { currency: 'EUR', orders: 3, revenue_minor: 1500, returns_minor: 0 },
    { currency: 'USD', orders: 1, revenue_minor: 700, returns_minor: 50 },
  ]);
});

test('the total of all channels equals the total over all rows', () => {
  const rows = [
    channelRow({ currency: 'EUR', orders: 2, revenue_minor: 1000 }),
    channelRow({ channel: 'amazon', currency: 'EUR', orders: 1, revenue_minor: 250 }),
    channelRow({ channel: 'amazon', currency: 'GBP', orders: 1, revenue_minor: 99 }),
  ];
  const all = totalOfAll('All', totalChannels(rows));
  expect(all.counts.orders).toBe(4);
  expect(all.money.map(({ currency, revenue_minor }) => [currency, revenue_minor])).toEqual([
    ['EUR', 1250],
    ['GBP', 99],
  ]);
});

test('default channels come first, others by name', () => {
  const rows = ['zeta', 'retail', 'alpha', 'dtc'].map((channel) => channelRow({ channel }));
  expect(totalChannels(rows).map(({ channel }) => channel)).toEqual([
    'dtc',
    'retail',
    'alpha',
    'zeta',
  ]);
});

test('visitors are those of one minute, never a sum of minutes', () => {
  const rows = [
    channelRow({ visitors: 8 }),
    channelRow({ currency: 'EUR', visitors: 0 }),
    channelRow({ window_start: NOON_MS - MINUTE_MS, visitors: 5 }),
  ];
  expect(visitorsAt(rows, NOON_MS)).toEqual(new Map([['dtc', 8]]));
});

test('a series has sixty minutes up to the newest, and 0 where nothing happened', () => {
  const rows = [
    channelRow({ clicks_net: 3 }),
    channelRow({ window_start: NOON_MS - 59 * MINUTE_MS, clicks_net: 7 }),
    channelRow({ window_start: NOON_MS - 60 * MINUTE_MS, clicks_net: 100 }),
  ];
  const series = defined(
    minuteSeries(rows, {
      metricOf: () => 'clicks_net',
      currencyOf: () => undefined,
      newestStart: NOON_MS,
    }).get('dtc'),
  );
  expect(series.starts).toHaveLength(60);
  expect([series.starts[0], series.starts[59]]).toEqual([NOON_MS - 59 * MINUTE_MS, NOON_MS]);
  expect(series.values.filter((value) => value !== 0)).toEqual([7, 3]);
  expect([series.values[0], series.values[59]]).toEqual([7, 3]);
});

test('a series of revenue holds one currency only', () => {
  const rows = [
    channelRow({ currency: 'EUR', revenue_minor: 500 }),
    channelRow({ currency: 'USD', revenue_minor: 900 }),
  ];
  const options = { metricOf: () => 'revenue_minor' as const, newestStart: NOON_MS };
  const series = minuteSeries(rows, { ...options, currencyOf: () => 'EUR' }).get('dtc');
  expect(series?.values.at(-1)).toBe(500);
});

test('credit adds hours and campaigns up, with shares of its currency and the difference to last click', () => {
  const rows = [
    ['linear', 'search', 'EUR', 3000, 500],
    ['linear', 'search', 'EUR', 1000, 500],
    ['linear', 'email', 'EUR', 4000, 1000],
    ['last', 'search', 'EUR', 1000, 0],
    ['last', 'direct', 'EUR', 7000, 2000],
    ['linear', 'search', 'GBP', 200, 1000],
    ['first', 'search', 'EUR', 8000, 2000],
  ].map(([model, channel, currency, credit, conversions], index) =>
    defined(
      parseAttributionRow({
        window_start: NOON_MS + index * HOUR_MS,
        model,
        channel,
        currency,
        campaign: `c${index}`,
        credit_minor: credit,
        conversions_milli: conversions,
      }),
    ),
  );
  const [eur, gbp] = creditByCurrency(rows, { shown: 'linear', compared: 'last' });
  expect(eur).toMatchObject({ currency: 'EUR', creditMinor: 8000, conversions: 2 });
  expect(eur?.channels).toMatchObject([
    { channel: 'email', creditMinor: 4000, share: 0.5, comparedMinor: 0, differenceMinor: 4000 },
    {
      channel: 'search',
      creditMinor: 4000,
      share: 0.5,
      comparedMinor: 1000,
      differenceMinor: 3000,
    },
    { channel: 'direct', creditMinor: 0, share: 0, comparedMinor: 7000, differenceMinor: -7000 },
  ]);
  expect(gbp).toMatchObject({ currency: 'GBP', creditMinor: 200 });
});

test('the balance names how many received events are not accounted for', () => {
  const counts = {
    received: 100,
    contributed: 90,
    duplicate: 4,
    late: 3,
    dead_lettered: 2,
    quarantined: 1,
  };
  expect(unaccounted(defined(parsePipelineRow(counts)))).toBe(0);
  expect(unaccounted(defined(parsePipelineRow({ ...counts, contributed: 85 })))).toBe(5);
});

test('incidents are ordered by what needs a person: the worst first, newest first', () => {
  const alerts = [
    { alert_id: 'old', opened_at: 1, severity: 'critical' },
    { alert_id: 'new', opened_at: 2, severity: 'critical' },
    { alert_id: 'mild', opened_at: 7, severity: 'info' },
    { alert_id: 'taken', opened_at: 3, acknowledged_at: 4 },
    { alert_id: 'gone', opened_at: 5, resolved_at: 6 },
  ].map((row) => defined(parseAlertRow(row)));
  const { open, acknowledged, resolved } = orderIncidents(alerts);
  expect(
    [open, acknowledged, resolved].map((list) => list.map(({ alert_id }) => alert_id)),
  ).toEqual([['new', 'old', 'mild'], ['taken'], ['gone']]);
});

test('a digest counts incidents by kind and node, and adds up what they cost', () => {
  const stockout = { kind: 'stockout', severity: 'critical', node_id: 'berlin', currency: 'EUR' };
  const drift = { kind: 'price_drift', severity: 'warning' };
  const alerts = [
    ...[5, 6, 7].map((at) => ({ ...drift, alert_id: `drift-${at}`, opened_at: at })),
    { ...stockout, alert_id: 'a', opened_at: 2, cost_minor: 100 },
    { ...stockout, alert_id: 'b', opened_at: 1, cost_minor: 250, acknowledged_at: 3 },
  ].map((row) => defined(parseAlertRow(row)));
  expect(digestOf(alerts)).toEqual([
    {
      kind: 'stockout',
      severity: 'critical',
      nodeId: 'berlin',
      openCount: 1,
      acknowledgedCount: 1,
      firstOpenedAt: 1,
      costs: new Map([['EUR', 350]]),
    },
    {
      kind: 'price_drift',
      severity: 'warning',
      nodeId: '',
      openCount: 3,
      acknowledgedCount: 0,
      firstOpenedAt: 5,
      costs: new Map(),
    },
  ]);
});

test('money is shown in its own minor units, with a true minus', () => {
  const plain = (text: string) => text.replaceAll(/[^\d\u2212+]/g, '');
  expect(plain(formatMoney(123_456, 'EUR'))).toBe('123456');
  expect(plain(formatMoney(1234, 'JPY'))).toBe('1234');
  expect(plain(formatMoney(1234, 'KWD'))).toBe('1234');
  expect(formatMoney(1234, 'KWD')).toMatch(/1\D234/);
  expect(plain(formatMoney(-50, 'GBP'))).toBe('\u2212050');
  expect(plain(formatMoneyDifference(50, 'GBP'))).toBe('+050');
  expect(plain(formatMoneyDifference(0, 'GBP'))).toBe('000');
  expect(formatMoney(50, 'XXQ')).toBe('50 XXQ');
});

test('lengths, moments and shares are said as a person would', () => {
  expect([4_999, 60_000, 3_599_999, 11_100_000, 180_000_000].map(formatLength)).toEqual([
    '4 s',
    '1 min',
    '59 min',
    '3 h 05 min',
    '2 d',
  ]);
  expect(formatLength(-5)).toBe('0 s');
  expect(formatLatency(41.4)).toBe('41 ms');
  expect(formatMoment(NOON_MS, NOON_MS + HOUR_MS)).toBe('12:00');
  expect(formatMoment(NOON_MS, NOON_MS + 24 * HOUR_MS)).toBe('2026-11-21 12:00');
  expect(formatFraction(353.998)).toBe('354');
  expect(formatFraction(2.5)).toMatch(/^2.5$/);
  expect(formatShare(0.00001)).toMatch(/^<0.1/);
  expect(formatShare(0)).toMatch(/^0.0/);
});

test('the quality of an hour is its clicks by reason, and what was withdrawn is told by when it was found out', () => {
  const minute = (back: number, row: object) => ({
    window_start: NOON_MS - back * MINUTE_MS,
    channel: 'search',
    ...row,
  });
  const bots = [
    minute(0, { reason: 'agent_isbot', clicks_givt: 3 }),
    minute(59, { reason: 'behaviour', clicks_sivt: 4, clicks_suspect: 2 }),
    minute(60, { reason: 'behaviour', clicks_sivt: 100 }),
  ];
  const withdrawals = [
    minute(15, { reason: 'behaviour', clicks: 9 }),
    minute(2, { reason: 'behaviour', clicks: -1 }),
    minute(16, { reason: 'behaviour', clicks: 100 }),
    minute(0, { reason: 'person', channel: 'email', clicks: 5 }),
  ];
  const quality = trafficQuality(
    {
      channels: [
        channelRow({ channel: 'search', clicks_gross: 20 }),
        channelRow({ channel: 'search', window_start: NOON_MS - 59 * MINUTE_MS, clicks_gross: 10 }),
        channelRow({ channel: 'search', window_start: NOON_MS - HOUR_MS, clicks_gross: 100 }),
      ],
      bots: bots.map((row) => defined(parseBotClicksRow(row))),
      withdrawals: withdrawals.map((row) => defined(parseBotWithdrawalRow(row))),
    },
    { newestWindowStart: NOON_MS, nowMs: NOON_MS },
  );
  expect(quality).toEqual([
    {
      channel: 'search',
      gross: 30,
      givt: 3,
      sivt: 4,
      suspect: 2,
      net: 23,
      withdrawn: 8,
      reasons: [
        { reason: 'behaviour', clicks: 6, withdrawn: 8 },
        { reason: 'agent_isbot', clicks: 3, withdrawn: 0 },
      ],
    },
    {
      channel: 'email',
      gross: 0,
      givt: 0,
      sivt: 0,
      suspect: 0,
      net: 0,
      withdrawn: 5,
      reasons: [{ reason: 'person', clicks: 0, withdrawn: 5 }],
    },
  ]);
  expect(totalQuality(quality)).toEqual({
    gross: 30,
    givt: 3,
    sivt: 4,
    suspect: 2,
    net: 23,
    withdrawn: 13,
  });
});

test('what a stockout has cost stands beside its SKU and node until it is over', () => {
  const alert = (nodeId: string, kind: string, resolvedMs: number | null) =>
    defined(
      parseAlertRow({
        alert_id: `${kind} ${nodeId}`,
        kind,
        sku: 'cup',
        node_id: nodeId,
        opened_at: NOON_MS,
        resolved_at: resolvedMs,
        cost_minor: 700,
        currency: 'EUR',
      }),
    );
  const places = stockoutsByPlace([
    alert('berlin', 'stockout', null),
    alert('bonn', 'stockout', NOON_MS + 1),
    alert('kiel', 'at_risk', null),
  ]);
  expect([...places.keys()]).toEqual([placeOf('cup', 'berlin')]);
});

test('below a digest no kind hides the others, and the order stays', () => {
  const alerts = ['a', 'a', 'a', 'a', 'a', 'b', 'a', 'c'].map((kind, index) =>
    defined(parseAlertRow({ kind, alert_id: `${kind}${index}`, opened_at: index })),
  );
  const idsOf = (max: number): readonly string[] =>
    spreadOverKinds(alerts, { max, perKindMax: 2 }).map(({ alert_id }) => alert_id);
  expect(idsOf(4)).toEqual(['a0', 'a1', 'b5', 'c7']);
  expect(idsOf(6)).toEqual(['a0', 'a1', 'a2', 'a3', 'b5', 'c7']);
  expect(idsOf(3)).toEqual(['a0', 'a1', 'b5']);
});

test('phantoms are what the procedure of Benjamini and Hochberg calls, the fastest seller first', () => {
  const row = (sku: string, phantom_p: number, rate_per_day: number, available = 5) =>
    defined(parseStockRow({ sku, state: 'IN_STOCK', phantom_p, rate_per_day, available }));
  // Of four in stock the limits are 2.5, 5, 7.5 and 10 %: the third is above its own, the second below.
  const rows = [
    row('slow', 0.01, 1),
    row('fast', 0.05, 9),
    row('not', 0.076, 20),
    row('far', 0.9, 5),
  ];
  const out = row('out', 0.001, 30, 0);
  expect(phantomsOf([...rows, out]).map((phantom) => phantom.row.sku)).toEqual(['fast', 'slow']);
  expect(phantomsOf([])).toEqual([]);
});
