import type { Withdrawal, WithdrawnColumn } from '../live/withdrawals.ts';
import type { ChannelTotal } from '../numbers/channel-totals.ts';
import { formatCount, formatMinute, formatMoney, formatShare } from '../numbers/format.ts';
import type { MinuteSeries, TrendMetric } from '../numbers/minute-series.ts';
import { Figure } from '../parts/figure.tsx';
import { MoneyLines } from '../parts/money-lines.tsx';
import { Sparkline } from '../parts/sparkline.tsx';

/** More would fill the screen before the table below; the table holds them all. */
export const TILES_MAX = 8;

const TITLES = {
  clicks_net: 'Net clicks per minute',
  orders: 'Orders per minute',
  revenue_minor: 'Revenue per minute',
} as const satisfies Record<TrendMetric, string>;

/** One tile for each channel: what it sold, what was taken back, and its last hour as a line. */
export function ChannelTiles(props: {
  readonly totals: readonly ChannelTotal[];
  readonly series: ReadonlyMap<string, MinuteSeries>;
  readonly metric: TrendMetric;
  readonly withdrawals: readonly Withdrawal[];
}) {
  const { totals, series, metric, withdrawals } = props;
  return (
    <ul class="tiles">
      {totals.slice(0, TILES_MAX).map((total) => (
        <Tile
          key={total.channel}
          total={total}
          series={series.get(total.channel)}
          metric={metric}
          withdrawals={withdrawals.filter(({ channel }) => channel === total.channel)}
        />
      ))}
    </ul>
  );
}

/** The currency whose revenue a sparkline draws: the one with most orders. */
export function mainCurrency(total: ChannelTotal): string | undefined {
  return total.money.toSorted((a, b) => b.orders - a.orders)[0]?.currency;
}

function Tile(props: {
  readonly total: ChannelTotal;
  readonly series: MinuteSeries | undefined;
  readonly metric: TrendMetric;
  readonly withdrawals: readonly Withdrawal[];
}) {
  const { total, series, metric, withdrawals } = props;
  const { counts } = total;
  const botClicks = counts.clicks_givt + counts.clicks_sivt;
  const currency = mainCurrency(total);
  const describe = (value: number) =>
    metric === 'revenue_minor' ? formatMoney(value, currency ?? '') : formatCount(value);
  const title =
    metric === 'revenue_minor' && total.money.length > 1 && currency !== undefined
      ? `${TITLES[metric]}, ${currency}`
      : TITLES[metric];
  const withdrawnOf = (column: WithdrawnColumn, ofCurrency: string | undefined) =>
    withdrawals
      .filter(
        (entry) => entry.column === column && (ofCurrency ?? entry.currency) === entry.currency,
      )
      .reduce((sum, { amount }) => sum + amount, 0);
  const sold = total.money
    .filter((entry) => entry.orders > 0 || entry.revenue_minor !== 0)
    .toSorted((a, b) => b.orders - a.orders);
  const returned = total.money.filter((entry) => entry.returns_minor !== 0);
  return (
    <li class="tile" data-channel={total.channel}>
      <h3>{total.channel}</h3>
      <p class="headline" data-figure="revenue">
        <MoneyLines
          amounts={sold.map((entry) => ({
            currency: entry.currency,
            amountMinor: entry.revenue_minor,
            withdrawn: withdrawnOf('revenue_minor', entry.currency),
          }))}
        />
        {sold.length === 0 && <span class="quiet"> no sales yet</span>}
      </p>
      <p class="taken-back">
        {returned.map((entry) => (
          <span key={entry.currency}>
            {formatMoney(-entry.returns_minor, entry.currency)} returned
          </span>
        ))}
      </p>
      {series !== undefined && (
        <Sparkline
          key={metric}
          series={series}
          shape={metric === 'clicks_net' ? 'line' : 'bars'}
          title={title}
          describe={describe}
          timeOf={(start) => `${formatMinute(start)} UTC`}
        />
      )}
      <dl class="tile-figures">
        <div>
          <dt>Orders</dt>
          <dd data-figure="orders">
            <Figure
              value={counts.orders}
              text={formatCount(counts.orders)}
              withdrawn={withdrawnOf('orders', undefined)}
            />
          </dd>
        </div>
        <div>
          <dt>Net clicks</dt>
          <dd data-figure="clicks_net">
            <Figure
              value={counts.clicks_net}
              text={formatCount(counts.clicks_net)}
              withdrawn={withdrawnOf('clicks_net', undefined)}
            />
          </dd>
        </div>
        <div
          title={`${formatCount(counts.clicks_givt)} by known crawlers and lists, ${formatCount(counts.clicks_sivt)} by behaviour, of ${formatCount(counts.clicks_gross)} clicks`}
        >
          <dt>Bots</dt>
          <dd data-figure="bots">
            {formatCount(-botClicks)}
            {counts.clicks_gross > 0 && (
              <span class="quiet"> {formatShare(botClicks / counts.clicks_gross)}</span>
            )}
          </dd>
        </div>
      </dl>
      <WithdrawnNote withdrawals={withdrawals} />
    </li>
  );
}

const NOUNS = {
  clicks_net: ['click', 'clicks'],
  sessions: ['session', 'sessions'],
  orders: ['order', 'orders'],
  revenue_minor: ['', ''],
} as const satisfies Record<WithdrawnColumn, readonly [string, string]>;

/** What was on this page and has been taken back in the last quarter of an hour. */
export function WithdrawnNote(props: { readonly withdrawals: readonly Withdrawal[] }) {
  if (props.withdrawals.length === 0) return null;
  const parts = props.withdrawals.map(({ column, currency, amount }) => {
    if (column === 'revenue_minor') return formatMoney(amount, currency);
    return `${formatCount(amount)} ${NOUNS[column][amount === 1 ? 0 : 1]}`;
  });
  return (
    <p
      class="withdrawn"
      title="Shown before and corrected in the last 15 minutes: bot verdicts, corrections"
    >
      <span aria-hidden="true">↓</span> withdrawn: {parts.join(', ')}
    </p>
  );
}
