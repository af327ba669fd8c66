import type { ComponentChildren } from 'preact';

import { type Withdrawal, withdrawnOf } from '../live/withdrawals.ts';
import {
  type ChannelTotal,
  type CurrencyTotal,
  hasSales,
  hasTraffic,
  totalOfAll,
} from '../numbers/channel-totals.ts';
import { NO_VALUE, formatCount, formatMoney } from '../numbers/format.ts';
import { Figure } from '../parts/figure.tsx';
import { MoneyLines } from '../parts/money-lines.tsx';

/** Name of the column that says nothing while nobody is judged. */
const BOTS = 'Bots';

/** Name of the last row. */
const ALL_CHANNELS = 'All';

interface Column {
  readonly name: string;
  readonly title: string;
  readonly cell: (total: ChannelTotal) => ComponentChildren;
}

/** Every channel with all its sums; on a narrow screen each row becomes a block of its own. */
export function ChannelTable(props: {
  readonly totals: readonly ChannelTotal[];
  readonly visitors: ReadonlyMap<string, number>;
  readonly withdrawals: readonly Withdrawal[];
  /** Whether anybody is judged. */
  readonly isJudged: boolean;
}) {
  const columns = columnsOf(props).filter(({ name }) => props.isJudged || name !== BOTS);
  const all = props.totals.length > 1 ? totalOfAll(ALL_CHANNELS, props.totals) : undefined;
  return (
    <table class="cards" role="table" data-table="channels">
      <caption class="unseen">Channels</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Channel
          </th>
          {columns.map(({ name, title }) => (
            <th role="columnheader" scope="col" key={name} title={title}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.totals.map((total) => (
          <Line key={total.channel} total={total} columns={columns} />
        ))}
      </tbody>
      {all !== undefined && (
        <tfoot role="rowgroup">
          <Line total={all} columns={columns} />
        </tfoot>
      )}
    </table>
  );
}

function Line(props: { readonly total: ChannelTotal; readonly columns: readonly Column[] }) {
  const { total, columns } = props;
  return (
    <tr role="row" data-channel={total.channel}>
      <th role="rowheader" scope="row">
        {total.channel}
      </th>
      {columns.map(({ name, cell }) => (
        <td role="cell" key={name} data-label={name}>
          {cell(total)}
        </td>
      ))}
    </tr>
  );
}

function columnsOf(props: {
  readonly visitors: ReadonlyMap<string, number>;
  readonly withdrawals: readonly Withdrawal[];
}): readonly Column[] {
  const withdrawnClicks = (channel: string) =>
    withdrawnOf(
      props.withdrawals.filter((entry) => entry.channel === channel),
      'clicks_net',
    );
  return [
    ...SALES_COLUMNS,
    countColumn('Sessions', 'Sessions that started', {
      applies: hasTraffic,
      valueOf: ({ counts }) => counts.sessions,
    }),
    {
      name: 'Visitors/min',
      title: 'Distinct visitors in the last full minute; minutes do not add up',
      cell: (total) => {
        const visitors = props.visitors.get(total.channel) ?? 0;
        const applies = hasTraffic(total) && total.channel !== ALL_CHANNELS;
        return applies ? formatCount(visitors) : <span class="none">{NO_VALUE}</span>;
      },
    },
    countColumn('Clicks', 'All clicks, bots included', {
      applies: hasTraffic,
      valueOf: ({ counts }) => counts.clicks_gross,
    }),
    countColumn(BOTS, 'Clicks withdrawn as bots, by lists and by behaviour', {
      applies: hasTraffic,
      valueOf: ({ counts }) => negative(counts.clicks_givt + counts.clicks_sivt),
    }),
    {
      name: 'Net clicks',
      title: 'Clicks without bots',
      cell: (total) =>
        hasTraffic(total) ? (
          <Figure
            value={total.counts.clicks_net}
            text={formatCount(total.counts.clicks_net)}
            withdrawn={withdrawnClicks(total.channel)}
          />
        ) : (
          <span class="none">{NO_VALUE}</span>
        ),
    },
    {
      name: 'Spend',
      title: 'Advertising spend',
      cell: (total) => <Spend money={total.money} />,
    },
  ];
}

const SALES_COLUMNS: readonly Column[] = [
  moneyColumn('Revenue', 'Placed orders, before returns', (entry) => entry.revenue_minor),
  moneyColumn('Returned', 'Cancellations and returns', (entry) => negative(entry.returns_minor)),
  moneyColumn('Margin', 'Price minus cost, where a cost is known', (entry) => entry.margin_minor),
  countColumn('Orders', 'Placed orders', {
    applies: hasSales,
    valueOf: ({ counts }) => counts.orders,
  }),
  countColumn('Units', 'Units in placed orders', {
    applies: hasSales,
    valueOf: ({ counts }) => counts.units,
  }),
  {
    name: 'Avg order',
    title: 'Revenue by order',
    cell: (total) => <AverageOrder money={total.money} />,
  },
];

function moneyColumn(
  name: string,
  title: string,
  amountOf: (entry: CurrencyTotal) => number,
): Column {
  return {
    name,
    title,
    cell: (total) => (
      <MoneyLines
        amounts={(hasSales(total) ? total.money : []).map((entry) => ({
          currency: entry.currency,
          amountMinor: amountOf(entry),
        }))}
      />
    ),
  };
}

/** A column of counts; a dash for channels to which they do not apply. */
function countColumn(
  name: string,
  title: string,
  options: {
    readonly applies: (total: ChannelTotal) => boolean;
    readonly valueOf: (total: ChannelTotal) => number;
  },
): Column {
  const { applies, valueOf } = options;
  return {
    name,
    title,
    cell: (total) =>
      applies(total) ? (
        <Figure value={valueOf(total)} text={formatCount(valueOf(total))} />
      ) : (
        <span class="none">{NO_VALUE}</span>
      ),
  };
}

/** The other sign, without a minus before zero. */
function negative(value: number): number {
  return value === 0 ? 0 : -value;
}

function AverageOrder(props: { readonly money: readonly CurrencyTotal[] }) {
  if (props.money.every(({ orders }) => orders === 0)) {
    return <span class="none">{NO_VALUE}</span>;
  }
  return (
    <>
      {props.money.map(({ currency, orders, revenue_minor: revenueMinor }) => (
        <span class="line" key={currency}>
          {orders === 0 ? NO_VALUE : formatMoney(Math.round(revenueMinor / orders), currency)}
        </span>
      ))}
    </>
  );
}

function Spend(props: { readonly money: readonly CurrencyTotal[] }) {
  const { money } = props;
  if (money.every((entry) => entry.spend_minor === 0)) return <span class="none">{NO_VALUE}</span>;
  return (
    <>
      {money.map(({ currency, spend_minor: spendMinor }) => (
        <span class="line" key={currency}>
          {spendMinor === 0 ? NO_VALUE : formatMoney(spendMinor, currency)}
        </span>
      ))}
    </>
  );
}
