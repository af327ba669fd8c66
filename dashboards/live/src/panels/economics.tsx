import { useEffect } from 'preact/hooks';

import type {
  Bounded,
  CartGroup,
  Carts,
  Economics,
  MarketingChannel,
  SalesChannel,
  Segment,
  Segments,
} from '../live/economics.ts';
import type { Polled } from '../live/polled.ts';
import {
  NO_VALUE,
  formatCount,
  formatFraction,
  formatMoney,
  formatShare,
} from '../numbers/format.ts';
import { Empty } from '../parts/empty.tsx';

/** What channels cost and earn over the last day: attributed and incremental side by side, never mixed. */
export function EconomicsPanel(props: {
  readonly economics: Polled<Economics>;
  readonly carts: Polled<Carts>;
  readonly segments: Polled<Segments>;
  readonly nowMs: number;
}) {
  const { economics, carts, segments, nowMs } = props;
  useEffect(() => {
    void economics.refresh();
    void carts.refresh();
    void segments.refresh();
  }, [economics, carts, segments, nowMs]);
  const { value } = economics;
  const problem = economics.problem ?? carts.problem ?? segments.problem;
  return (
    <section class="panel" aria-labelledby="economics-title" aria-busy={value === undefined}>
      <div class="section-head">
        <h2 id="economics-title">Economics</h2>
        <p class="span">
          last 24 hours{value === undefined ? '' : `, amounts in ${value.currency}`}
        </p>
      </div>
      {problem !== undefined && <p class="footnote">Economics could not be read: {problem}</p>}
      {value === undefined && problem === undefined && (
        <Empty>Waiting for the first numbers …</Empty>
      )}
      {value !== undefined && (
        <>
          <ul class="lift-cards">
            {value.marketing.map((channel) => (
              <MarketingCard
                key={channel.channel}
                channel={channel}
                carts={carts.value?.channels.find(({ name }) => name === channel.channel)}
                currency={value.currency}
              />
            ))}
            {value.sales.map((channel) => (
              <SalesCard key={channel.channel} channel={channel} currency={value.currency} />
            ))}
            {segments.value?.segments.map((segment) => (
              <SegmentCard
                key={segment.segment}
                segment={segment}
                currency={segments.value?.currency ?? ''}
              />
            ))}
            {carts.value !== undefined && <CartsCard carts={carts.value} />}
          </ul>
          <p class="footnote">
            CPA and ROAS credit the last touch that was not direct; iCPA and iROAS come from
            randomised holdouts. {mixText(value.mixP)}
            {value.retention !== undefined &&
              ` ${formatShare(value.retention.point)} of the day before’s customers ordered again.`}
          </p>
        </>
      )}
    </section>
  );
}

function MarketingCard(props: {
  readonly channel: MarketingChannel;
  readonly carts: CartGroup | undefined;
  readonly currency: string;
}) {
  const { channel, carts, currency } = props;
  const money = (amount: number | undefined) =>
    amount === undefined ? NO_VALUE : formatMoney(amount, currency);
  return (
    <li class="lift-card" data-marketing={channel.channel}>
      <h3>{channel.channel}</h3>
      <dl class="lift-facts">
        <Fact name="net clicks" text={formatCount(channel.clicksNet)} />
        <Fact
          name="conversions by sessions"
          text={
            channel.conversionRate === undefined ? NO_VALUE : formatShare(channel.conversionRate)
          }
        />
        <Fact name="spend" text={money(channel.spendMinor)} />
        <Fact name="CPA, iCPA" text={`${money(channel.cpaMinor)}, ${money(channel.icpaMinor)}`} />
        <Fact
          name="ROAS"
          text={channel.roas === undefined ? NO_VALUE : formatFraction(channel.roas)}
        />
        <Fact name="iROAS" text={rangeText(channel.iroas, formatFraction)} />
        <Fact name="carts abandoned" text={rangeText(carts?.abandoned, formatShare)} />
      </dl>
    </li>
  );
}

function SalesCard(props: { readonly channel: SalesChannel; readonly currency: string }) {
  const { channel, currency } = props;
  const money = (amount: number) => formatMoney(amount, currency);
  return (
    <li class="lift-card" data-sales={channel.channel}>
      <h3>{channel.channel}</h3>
      <dl class="lift-facts">
        <Fact name="orders" text={formatCount(channel.orders)} />
        <Fact name="revenue" text={money(channel.revenueMinor)} />
        <Fact name="margin" text={money(channel.marginMinor)} />
        <Fact name="returns" text={money(channel.returnsMinor)} />
        <Fact name="order value" text={rangeText(channel.orderValueMinor, money)} />
        <Fact name="ordered again" text={rangeText(channel.retention, formatShare)} />
        <Fact name="share, to target" text={shareText(channel)} />
      </dl>
    </li>
  );
}

function SegmentCard(props: { readonly segment: Segment; readonly currency: string }) {
  const { segment, currency } = props;
  const money = (amount: number) => formatMoney(amount, currency);
  return (
    <li class="lift-card" data-segment={segment.segment}>
      <h3>{segment.segment} visitors</h3>
      <dl class="lift-facts">
        <Fact name="visitors" text={formatCount(segment.visitors)} />
        <Fact name="ordered" text={rangeText(segment.conversion, formatShare)} />
        <Fact name="revenue" text={money(segment.revenueMinor)} />
        <Fact name="order value" text={rangeText(segment.orderValueMinor, money)} />
      </dl>
    </li>
  );
}

const CART_STATES: Readonly<Record<string, string>> = {
  in_stock: 'in stock',
  out: 'out of stock',
  under: 'cheaper on another channel',
  over: 'dearer on another channel',
  parity: 'one price on all channels',
};

/** Carts without an order within a day, by what held of the product when it was put in. */
function CartsCard(props: { readonly carts: Carts }) {
  const groups = [...props.carts.stock, ...props.carts.parity].filter(
    ({ name, carts }) => CART_STATES[name] !== undefined && carts > 0,
  );
  if (groups.length === 0) return null;
  return (
    <li class="lift-card" data-carts>
      <h3>carts abandoned</h3>
      <dl class="lift-facts">
        {groups.map(({ name, abandoned }) => (
          <Fact
            key={name}
            name={CART_STATES[name] ?? name}
            text={rangeText(abandoned, formatShare)}
          />
        ))}
      </dl>
    </li>
  );
}

function Fact(props: { readonly name: string; readonly text: string }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.text}</dd>
    </div>
  );
}

function rangeText(value: Bounded | undefined, format: (value: number) => string): string {
  if (value === undefined) return NO_VALUE;
  return `${format(value.point)} (${format(value.low)} … ${format(value.high)})`;
}

function shareText({ share, deviationPoints }: SalesChannel): string {
  if (share === undefined || deviationPoints === undefined) return NO_VALUE;
  const sign = deviationPoints > 0 ? '+' : '';
  return `${formatShare(share)}, ${sign}${formatFraction(deviationPoints)} points`;
}

function mixText(p: number | undefined): string {
  if (p === undefined) return '';
  return p < 0.001
    ? 'The mix of sales channels is not that of the targets (χ², p < .001).'
    : `The mix of sales channels fits the targets with p = ${p.toFixed(3)} (χ²).`;
}
