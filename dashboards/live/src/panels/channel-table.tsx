import type { ComponentChildren } from 'preact';

import type { Withdrawal } from '../live/withdrawals.ts';
import { type ChannelTotal, type CurrencyTotal, totalOfAll } from '../numbers/channel-totals.ts';
import { NO_VALUE, formatCount, formatMoney } from '../numbers/format.ts';
import { Figure } from '../parts/figure.tsx';
import { MoneyLines } from '../parts/money-lines.tsx';

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
}) {
  const columns = columnsOf(props);
  const all = props.totals.length > 1 ? totalOfAll('All', props.totals) : undefined;
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
    props.withdrawals
      .filter((entry) => entry.column === 'clicks_net' && entry.channel === channel)
      .reduce((sum, { amount }) => sum + amount, 0);
  const money = (
    name: string,
    title: string,
    amountOf: (entry: CurrencyTotal) => number,
  ): Column => ({
    name,
    title,
    cell: (total) => (
      <MoneyLines
        amounts={total.money.map((entry) => ({
          currency: entry.currency,
          amountMinor: amountOf(entry),
        }))}
      />
    ),
  });
  const count = (
    name: string,
    title: string,
    valueOf: (total: ChannelTotal) => number,
  ): Column => ({
    name,
    title,
    cell: (total) => <Figure value={valueOf(total)} text={formatCount(valueOf(total))} />,
  });
  return [
    money('Revenue', 'Placed orders, before returns', (entry) => entry.revenue_minor),
    money('Returned', 'Cancellations and returns', (entry) =>
      entry.returns_minor === 0 ? 0 : -entry.returns_minor,
    ),
    money('Margin', 'Price minus cost, where a cost is known', (entry) => entry.margin_minor),
    count('Orders', 'Placed orders', (total) => total.counts.orders),
    count('Units', 'Units in placed orders', (total) => total.counts.units),
    {
      name: 'Avg order',
      title: 'Revenue by order',
      cell: (total) => <AverageOrder money={total.money} />,
    },
    count('Sessions', 'Sessions that started', (total) => total.counts.sessions),
    {
      name: 'Visitors',
      title: 'Distinct visitors in the last full minute; minutes do not add up',
      cell: (total) => {
        const visitors = props.visitors.get(total.channel);
        return visitors === undefined ? NO_VALUE : formatCount(visitors);
      },
    },
    count('Clicks', 'All clicks, bots included', (total) => total.counts.clicks_gross),
    count(
      'Bots',
      'Clicks withdrawn as bots, by lists and by behaviour',
      (total) => -(total.counts.clicks_givt + total.counts.clicks_sivt),
    ),
    {
      name: 'Net clicks',
      title: 'Clicks without bots',
      cell: (total) => (
        <Figure
          value={total.counts.clicks_net}
          text={formatCount(total.counts.clicks_net)}
          withdrawn={withdrawnClicks(total.channel)}
        />
      ),
    },
    {
      name: 'Spend',
      title: 'Advertising spend',
      cell: (total) => <Spend money={total.money} />,
    },
  ];
}

function AverageOrder(props: { readonly money: readonly CurrencyTotal[] }) {
  if (props.money.length === 0) return <span class="none">{NO_VALUE}</span>;
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
