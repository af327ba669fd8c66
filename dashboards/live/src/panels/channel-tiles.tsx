import { type Withdrawal, withdrawnOf } from '../live/withdrawals.ts';
import { type ChannelTotal, hasTraffic, mainCurrency } from '../numbers/channel-totals.ts';
import { formatCount, formatMinute, formatMoney, formatShare } from '../numbers/format.ts';
import type { MinuteSeries, TrendMetric } from '../numbers/minute-series.ts';
import { Figure } from '../parts/figure.tsx';
import { MoneyLines } from '../parts/money-lines.tsx';
import { Sparkline } from '../parts/sparkline.tsx';

/** More of a kind would push the table off the screen; the table holds them all. */
export const TILES_MAX = 8;

/** What a tile shows. */
export interface TileProps {
  /** Whether anybody is judged, so that a number of bots means something. */
  readonly isJudged: boolean;
  readonly total: ChannelTotal;
  readonly metric: TrendMetric;
  readonly series: MinuteSeries | undefined;
  /** Of this channel only. */
  readonly withdrawals: readonly Withdrawal[];
}

const TITLES = {
  clicks_net: 'Net clicks/min',
  orders: 'Orders/min',
  revenue_minor: 'Revenue/min',
} as const satisfies Record<TrendMetric, string>;

/** A channel that sells: revenue, what came back, its last hour, and its clicks where it has some. */
export function SalesTile(props: TileProps) {
  const { total, withdrawals } = props;
  const { counts } = total;
  return (
    <li class="tile" data-channel={total.channel}>
      <h3>{total.channel}</h3>
      <Money total={total} withdrawals={withdrawals} />
      <Trend {...props} />
      <dl class="tile-figures">
        <Count
          name="Orders"
          column="orders"
          value={counts.orders}
          withdrawn={withdrawnOf(withdrawals, 'orders')}
        />
        {hasTraffic(total) ? (
          <>
            <NetClicks total={total} withdrawals={withdrawals} />
            {props.isJudged && <Bots total={total} />}
          </>
        ) : (
          <>
            <Count name="Units" column="units" value={counts.units} withdrawn={0} />
            <AverageOrder total={total} />
          </>
        )}
      </dl>
      <WithdrawnNote withdrawals={withdrawals} />
    </li>
  );
}

/** A channel that brings visits only. */
export function TrafficTile(props: TileProps) {
  const { total, withdrawals } = props;
  const { counts } = total;
  return (
    <li class="tile traffic" data-channel={total.channel}>
      <h3>{total.channel}</h3>
      <p class="headline" data-figure="clicks_net">
        <Figure
          value={counts.clicks_net}
          text={formatCount(counts.clicks_net)}
          withdrawn={withdrawnOf(withdrawals, 'clicks_net')}
        />
        <span class="quiet"> net clicks</span>
      </p>
      <Trend {...props} />
      <dl class="tile-figures">
        <Count
          name="Sessions"
          column="sessions"
          value={counts.sessions}
          withdrawn={withdrawnOf(withdrawals, 'sessions')}
        />
        {props.isJudged && <Bots total={total} />}
      </dl>
      <WithdrawnNote withdrawals={withdrawals} />
    </li>
  );
}

/** Revenue large, what came back below it. */
function Money(props: Pick<TileProps, 'total' | 'withdrawals'>) {
  const { total, withdrawals } = props;
  const sold = total.money
    .filter((entry) => entry.orders > 0 || entry.revenue_minor !== 0)
    .toSorted((a, b) => b.orders - a.orders);
  const returned = total.money.filter((entry) => entry.returns_minor !== 0);
  return (
    <>
      <p class="headline" data-figure="revenue">
        <MoneyLines
          amounts={sold.map(({ currency, revenue_minor: amountMinor }) => ({
            currency,
            amountMinor,
            withdrawn: withdrawnOf(withdrawals, 'revenue_minor', currency),
          }))}
        />
      </p>
      <p class="taken-back">
        {returned.map((entry) => (
          <span key={entry.currency}>
            {formatMoney(-entry.returns_minor, entry.currency)} returned
          </span>
        ))}
      </p>
    </>
  );
}

function Trend(props: TileProps) {
  const { total, series, metric } = props;
  if (series === undefined) return null;
  const currency = mainCurrency(total) ?? '';
  const isMoney = metric === 'revenue_minor';
  const title =
    isMoney && total.money.length > 1 ? `${TITLES[metric]}, ${currency}` : TITLES[metric];
  return (
    <Sparkline
      key={metric}
      series={series}
      shape={metric === 'clicks_net' ? 'line' : 'bars'}
      title={title}
      describe={(value) => (isMoney ? formatMoney(value, currency) : formatCount(value))}
      timeOf={(start) => `${formatMinute(start)} UTC`}
    />
  );
}

function Count(props: {
  readonly name: string;
  readonly column: string;
  readonly value: number;
  readonly withdrawn: number;
}) {
  const { name, column, value, withdrawn } = props;
  return (
    <div>
      <dt>{name}</dt>
      <dd data-figure={column}>
        <Figure value={value} text={formatCount(value)} withdrawn={withdrawn} />
      </dd>
    </div>
  );
}

function NetClicks(props: Pick<TileProps, 'total' | 'withdrawals'>) {
  return (
    <Count
      name="Net clicks"
      column="clicks_net"
      value={props.total.counts.clicks_net}
      withdrawn={withdrawnOf(props.withdrawals, 'clicks_net')}
    />
  );
}

function Bots(props: Pick<TileProps, 'total'>) {
  const { counts } = props.total;
  const botClicks = counts.clicks_givt + counts.clicks_sivt;
  const title =
    `${formatCount(counts.clicks_givt)} by known crawlers and lists, ` +
    `${formatCount(counts.clicks_sivt)} by behaviour, of ${formatCount(counts.clicks_gross)} clicks`;
  return (
    <div title={title}>
      <dt>Bots</dt>
      <dd data-figure="bots">
        {formatCount(botClicks === 0 ? 0 : -botClicks)}
        {botClicks > 0 && (
          <span class="quiet"> {formatShare(botClicks / counts.clicks_gross)}</span>
        )}
      </dd>
    </div>
  );
}

/** In the currency with most orders; the table has the others. */
function AverageOrder(props: Pick<TileProps, 'total'>) {
  const currency = mainCurrency(props.total);
  const entry = props.total.money.find((candidate) => candidate.currency === currency);
  if (entry === undefined || entry.orders === 0) return null;
  return (
    <div>
      <dt>Avg order</dt>
      <dd>{formatMoney(Math.round(entry.revenue_minor / entry.orders), entry.currency)}</dd>
    </div>
  );
}

const NOUNS = {
  clicks_net: ['click', 'clicks'],
  sessions: ['session', 'sessions'],
  orders: ['order', 'orders'],
} as const;

/** What was on this page and has been taken back in the last quarter of an hour. */
function WithdrawnNote(props: { readonly withdrawals: readonly Withdrawal[] }) {
  const { withdrawals } = props;
  if (withdrawals.length === 0) return null;
  const counts = (['clicks_net', 'sessions', 'orders'] as const)
    .map((column) => ({ column, amount: withdrawnOf(withdrawals, column) }))
    .filter(({ amount }) => amount > 0)
    .map(({ column, amount }) => `${formatCount(amount)} ${NOUNS[column][amount === 1 ? 0 : 1]}`);
  const amounts = withdrawals
    .filter(({ column }) => column === 'revenue_minor')
    .map(({ amount, currency }) => formatMoney(amount, currency));
  return (
    <p
      class="withdrawn"
      title="Shown before and taken back in the last 15 minutes: bot verdicts, corrections"
    >
      <span aria-hidden="true">↓</span> withdrawn: {[...counts, ...amounts].join(', ')}
    </p>
  );
}
