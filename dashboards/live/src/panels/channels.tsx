import { useEffect, useMemo, useState } from 'preact/hooks';

import { MINUTE_MS } from '../../../../schemas/time.ts';
import type { LiveStore } from '../live/store.ts';
import type { TodayHours } from '../live/today.ts';
import type { Withdrawal } from '../live/withdrawals.ts';
import {
  type ChannelTotal,
  hasSales,
  hasTraffic,
  mainCurrency,
  totalChannels,
  visitorsAt,
} from '../numbers/channel-totals.ts';
import { formatMinute, formatMoment } from '../numbers/format.ts';
import { type TrendMetric, minuteSeries } from '../numbers/minute-series.ts';
import { Command, Empty } from '../parts/empty.tsx';
import { Segmented } from '../parts/segmented.tsx';
import { ChannelTable } from './channel-table.tsx';
import { SalesTile, TILES_MAX, type TileProps, TrafficTile } from './channel-tiles.tsx';

const RANGES = [
  { value: 'live', label: 'Last 3 h' },
  { value: 'today', label: 'Today' },
] as const;
type Range = (typeof RANGES)[number]['value'];

const TRENDS = [
  { value: 'revenue_minor', label: 'Revenue' },
  { value: 'orders', label: 'Orders' },
  { value: 'clicks_net', label: 'Net clicks' },
] as const satisfies readonly { readonly value: TrendMetric; readonly label: string }[];

/** What every channel brings: tiles to glance at, a table to read. */
export function Channels(props: {
  readonly store: LiveStore;
  readonly today: TodayHours;
  readonly nowMs: number;
}) {
  const { store, today, nowMs } = props;
  const [range, setRange] = useState<Range>('live');
  const [metric, setMetric] = useState<TrendMetric>('revenue_minor');
  const newest = store.newestWindowStart;
  const isLoaded = store.seqOf('channels') !== undefined;
  const serverNow = store.freshness.serverNow(nowMs);
  useEffect(() => {
    if (range === 'today' && newest !== undefined) void today.refresh(newest);
  });
  const totals = useTotals(store, today, range);
  return (
    <section class="channels" aria-labelledby="channels-title" aria-busy={!isLoaded}>
      <div class="section-head">
        <h2 id="channels-title">Channels</h2>
        <p class="span">{newest === undefined ? '' : spanText(range, newest, serverNow)}</p>
        <div class="controls">
          <Segmented
            legend="Chart in the tiles"
            name="trend"
            choices={TRENDS}
            chosen={metric}
            onChoose={setMetric}
          />
          <Segmented
            legend="Time shown"
            name="range"
            choices={RANGES}
            chosen={range}
            onChoose={setRange}
          />
        </div>
      </div>
      {range === 'today' && <TodayNote today={today} newest={newest} />}
      {totals.length === 0 ? (
        <NoChannels isLoaded={isLoaded} hasOlder={(store.pipeline?.contributed ?? 0) > 0} />
      ) : (
        <Numbers
          key={range}
          store={store}
          totals={totals}
          metric={metric}
          withdrawals={store.withdrawals.recent(nowMs)}
        />
      )}
      {totals.length > 0 && <MaturityNote watermark={store.watermark} serverNow={serverNow} />}
    </section>
  );
}

function Numbers(props: {
  readonly store: LiveStore;
  readonly totals: readonly ChannelTotal[];
  readonly metric: TrendMetric;
  readonly withdrawals: readonly Withdrawal[];
}) {
  const { store, totals, metric, withdrawals } = props;
  const isJudged = store.pipeline?.processors_off.includes('bots') !== true;
  const newest = store.newestWindowStart ?? 0;
  const { revision } = store.channels;
  const series = useMemo(() => {
    const byChannel = new Map(totals.map((total) => [total.channel, total]));
    return minuteSeries(store.channels.rows.values(), {
      metricOf: (channel) => metricFor(byChannel.get(channel), metric),
      currencyOf: (channel) => {
        const total = byChannel.get(channel);
        return total === undefined ? undefined : mainCurrency(total);
      },
      newestStart: newest,
    });
  }, [revision, metric, totals, newest]);
  const visitors = useMemo(
    () => visitorsAt(store.channels.rows.values(), newest - MINUTE_MS),
    [revision, newest],
  );
  const propsOf = (total: ChannelTotal): TileProps => ({
    total,
    isJudged,
    metric: metricFor(total, metric),
    series: series.get(total.channel),
    withdrawals: withdrawals.filter(({ channel }) => channel === total.channel),
  });
  const selling = totals.filter(hasSales);
  const visited = totals.filter((total) => !hasSales(total));
  const areBoth = selling.length > 0 && visited.length > 0;
  return (
    <>
      {selling.length > 0 && (
        <>
          {areBoth && <p class="group">Where it sells</p>}
          <ul class="tiles" aria-label="Channels that sell">
            {selling.slice(0, TILES_MAX).map((total) => (
              <SalesTile key={total.channel} {...propsOf(total)} />
            ))}
          </ul>
        </>
      )}
      {visited.length > 0 && (
        <>
          {areBoth && <p class="group">Where visits come from</p>}
          <ul class="tiles traffic" aria-label="Channels that bring visits">
            {visited.slice(0, TILES_MAX).map((total) => (
              <TrafficTile key={total.channel} {...propsOf(total)} />
            ))}
          </ul>
        </>
      )}
      <div class="panel flush" role="region" aria-label="Channels in numbers" tabIndex={0}>
        <ChannelTable
          totals={[...selling, ...visited]}
          visitors={visitors}
          withdrawals={withdrawals}
          isJudged={isJudged}
        />
      </div>
    </>
  );
}

/** The chosen metric where a channel has it, otherwise what it has. */
function metricFor(total: ChannelTotal | undefined, chosen: TrendMetric): TrendMetric {
  if (total === undefined || !hasSales(total)) return 'clicks_net';
  return chosen === 'clicks_net' && !hasTraffic(total) ? 'orders' : chosen;
}

/** Totals of the range, computed again only when a row of it changed. */
function useTotals(store: LiveStore, today: TodayHours, range: Range): readonly ChannelTotal[] {
  const newest = store.newestWindowStart;
  return useMemo(() => {
    const live = store.channels.rows.values();
    if (newest === undefined || range === 'live') return totalChannels(live);
    return totalChannels(today.join(live, newest));
  }, [store.channels.revision, range, today.revision, newest]);
}

function spanText(range: Range, newest: number, serverNow: number): string {
  const until = formatMinute(newest + MINUTE_MS);
  if (range === 'today') {
    return `${new Date(newest).toISOString().slice(0, 10)}, 00:00 – ${until} UTC`;
  }
  const from = newest + MINUTE_MS - 3 * 60 * MINUTE_MS;
  return `${formatMoment(from, serverNow)} – ${until} UTC`;
}

function MaturityNote(props: {
  readonly watermark: number | undefined;
  readonly serverNow: number;
}) {
  const { watermark, serverNow } = props;
  if (watermark === undefined) return null;
  return (
    <p class="footnote">
      Minutes before {formatMoment(watermark, serverNow)} UTC are complete. Later ones still fill;
      late events, returns and bot verdicts may correct any of them.
    </p>
  );
}

function TodayNote(props: { readonly today: TodayHours; readonly newest: number | undefined }) {
  const { today, newest } = props;
  if (newest === undefined || today.isComplete(newest)) return null;
  return (
    <p class="footnote" role="status">
      {today.problem === undefined
        ? 'Loading the earlier hours of the day …'
        : `The earlier hours of the day are missing: ${today.problem}.`}
    </p>
  );
}

function NoChannels(props: { readonly isLoaded: boolean; readonly hasOlder: boolean }) {
  // The example must not change under the reader's mouse.
  const command = useMemo(() => exampleOrder(Date.now()), []);
  if (!props.isLoaded) return <Empty>Waiting for the first numbers …</Empty>;
  if (props.hasOlder) {
    return (
      <Empty>
        <strong>No clicks or orders in the hours shown.</strong> Older ones are at GET
        /v1/channels?grain=day.
      </Empty>
    );
  }
  return (
    <Empty>
      <p>
        <strong>No events yet.</strong> Start the simulated shop:
      </p>
      <Command text="npx weir demo" />
      <p>or send a first order yourself:</p>
      <Command text={command} />
    </Empty>
  );
}

function exampleOrder(nowMs: number): string {
  const order = {
    event_id: `first-${nowMs}`,
    occurred_at: nowMs,
    source: 'terminal',
    order_id: '1001',
    status: 'placed',
    visitor_id: 'visitor-1',
    sales_channel: 'dtc',
    currency: 'EUR',
    lines: [{ line_id: '1', sku: 'mug', quantity: 2, unit_price_minor: 1250 }],
  };
  return [
    `curl ${window.location.origin}/v1/events/order \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '${JSON.stringify([order])}'`,
  ].join('\n');
}
