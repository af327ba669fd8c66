import { useMemo, useState } from 'preact/hooks';

import { COMPARED_MODEL, type LiveFeed } from '../live/feed.ts';
import type { Paths } from '../live/paths.ts';
import type { Polled } from '../live/polled.ts';
import {
  type ChannelCredit,
  type CurrencyCredit,
  creditByCurrency,
  oldestHour,
} from '../numbers/attribution-shares.ts';
import {
  formatFraction,
  formatMoment,
  formatMoney,
  formatMoneyDifference,
  formatShare,
} from '../numbers/format.ts';
import { Empty } from '../parts/empty.tsx';
import { Figure } from '../parts/figure.tsx';
import { Segmented } from '../parts/segmented.tsx';
import { PATH_MODELS, PathCreditPanel } from './path-credit.tsx';

/** The models by the name on the wire, with what each does in words. */
const MODELS = [
  { value: 'first', label: 'First', rule: 'All credit to the first touch.' },
  { value: 'last', label: 'Last', rule: 'All credit to the last touch.' },
  {
    value: 'last_non_direct',
    label: 'Last non-direct',
    rule: 'All credit to the last touch that was not a direct visit.',
  },
  { value: 'linear', label: 'Linear', rule: 'The same credit to every touch.' },
  {
    value: 'position',
    label: 'Position',
    rule: '40 % to the first touch, 40 % to the last, the rest in between.',
  },
  {
    value: 'time_decay',
    label: 'Time decay',
    rule: 'More credit to later touches; it halves with every 7 days before the order.',
  },
  {
    value: 'shapley',
    label: 'Shapley',
    rule: 'The same credit to every channel of the path, however often it was touched.',
  },
] as const;

/** Who gets the credit for the orders, by the chosen model and against the last click. */
export function Attribution(props: {
  readonly feed: LiveFeed;
  readonly paths: Polled<Paths>;
  readonly nowMs: number;
}) {
  const { feed, paths, nowMs } = props;
  const { store, model } = feed;
  const { revision } = store.attribution;
  const [currency, setCurrency] = useState<string | undefined>(undefined);
  const [pathModel, setPathModel] = useState<string | undefined>(undefined);
  const credits = useMemo(
    () =>
      creditByCurrency(store.attribution.rows.values(), { shown: model, compared: COMPARED_MODEL }),
    [revision, model],
  );
  const oldest = useMemo(() => oldestHour(store.attribution.rows.values()), [revision]);
  const isLoading = store.seqOf('attribution') === undefined;
  const shown = credits.find((credit) => credit.currency === currency) ?? credits[0];
  const chosenModel = pathModel ?? model;
  const rule = [...MODELS, ...PATH_MODELS].find(({ value }) => value === chosenModel)?.rule;
  const choose = (value: string) => {
    const isOfPaths = PATH_MODELS.some((each) => each.value === value);
    setPathModel(isOfPaths ? value : undefined);
    if (!isOfPaths) feed.selectModel(value);
  };
  return (
    <section
      class="panel"
      aria-labelledby="attribution-title"
      aria-busy={isLoading}
      data-model={chosenModel}
    >
      <div class="section-head">
        <h2 id="attribution-title">Attribution</h2>
        <p class="span">
          {oldest !== undefined &&
            `orders since ${formatMoment(oldest, store.freshness.serverNow(nowMs))} UTC`}
        </p>
        {credits.length > 1 && shown !== undefined && pathModel === undefined && (
          <Segmented
            legend="Currency"
            name="currency"
            choices={credits.map((credit) => ({ value: credit.currency, label: credit.currency }))}
            chosen={shown.currency}
            onChoose={setCurrency}
          />
        )}
      </div>
      <Segmented
        legend="Attribution model"
        name="model"
        choices={[...MODELS, ...PATH_MODELS]}
        chosen={chosenModel}
        onChoose={choose}
      />
      <p class="footnote">{rule} Attributed, not incremental.</p>
      {pathModel !== undefined && <PathCreditPanel paths={paths} model={pathModel} nowMs={nowMs} />}
      {credits.length === 0 && pathModel === undefined && (
        <Empty>
          {isLoading
            ? 'Waiting for the first numbers …'
            : 'No credit yet. It appears with the first order of a visitor whose clicks were seen: POST /v1/events/click, then /v1/events/order with the same visitor_id.'}
        </Empty>
      )}
      {shown !== undefined && pathModel === undefined && (
        <CreditTable key={`${shown.currency} ${model}`} credit={shown} isLoading={isLoading} />
      )}
    </section>
  );
}

function CreditTable(props: { readonly credit: CurrencyCredit; readonly isLoading: boolean }) {
  const { credit, isLoading } = props;
  const widest = Math.max(
    1,
    ...credit.channels.flatMap(({ creditMinor, comparedMinor }) => [creditMinor, comparedMinor]),
  );
  return (
    <table class={isLoading ? 'credit loading' : 'credit'} data-currency={credit.currency}>
      <caption>
        <span>
          <Figure
            value={credit.creditMinor}
            text={formatMoney(credit.creditMinor, credit.currency)}
          />{' '}
          for {formatFraction(credit.conversions)} conversions
        </span>
        <span class="key">
          <i class="key-bar" /> this model <i class="key-tick" /> last click
        </span>
      </caption>
      <thead>
        <tr>
          <th scope="col">Channel</th>
          <th scope="col" class="wide">
            <span class="unseen">Bar</span>
          </th>
          <th scope="col">Credit</th>
          <th scope="col">Share</th>
          <th scope="col" title="Difference to the last click model">
            vs last click
          </th>
        </tr>
      </thead>
      <tbody>
        {credit.channels.map((channel) => (
          <CreditLine
            key={channel.channel}
            channel={channel}
            currency={credit.currency}
            widest={widest}
          />
        ))}
      </tbody>
    </table>
  );
}

function CreditLine(props: {
  readonly channel: ChannelCredit;
  readonly currency: string;
  readonly widest: number;
}) {
  const { channel, currency, widest } = props;
  const percentOf = (amountMinor: number) => `${(100 * Math.max(0, amountMinor)) / widest}%`;
  const direction = Math.sign(channel.differenceMinor);
  return (
    <tr data-channel={channel.channel}>
      <th scope="row">{channel.channel}</th>
      <td class="wide" aria-hidden="true">
        <div class="bar">
          <div class="bar-fill" style={{ width: percentOf(channel.creditMinor) }} />
          <div class="bar-tick" style={{ left: percentOf(channel.comparedMinor) }} />
        </div>
      </td>
      <td data-figure="credit">
        <Figure value={channel.creditMinor} text={formatMoney(channel.creditMinor, currency)} />
      </td>
      <td>{formatShare(channel.share)}</td>
      <td class={direction > 0 ? 'more' : direction < 0 ? 'less' : 'quiet'}>
        {formatMoneyDifference(channel.differenceMinor, currency)}
      </td>
    </tr>
  );
}
