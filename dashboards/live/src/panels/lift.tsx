import { useEffect } from 'preact/hooks';

import type { LiftCard, LiftCards, LiftPoint } from '../live/lift.ts';
import type { Polled } from '../live/polled.ts';
import {
  formatCount,
  formatFraction,
  formatMoney,
  formatShare,
  NO_VALUE,
} from '../numbers/format.ts';
import { Command, Empty } from '../parts/empty.tsx';
import { LiftBand, Method, formatLift } from '../parts/lift-band.tsx';
import { Comparison } from './comparison.tsx';

const DECLARE = `lift:
  tests:
    - { id: search-1, channel: search, share: 0.1, start: 2026-12-01 }`;

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  converted: 'visitors who order',
  orders: 'orders per visitor',
  revenue: 'revenue per visitor',
};

const VERDICT_CLASS: Readonly<Record<string, string>> = {
  winning: 'badge good',
  losing: 'badge bad',
  void: 'badge warn',
};

/** What each channel brings that would not have come without it, one card per test. */
export function Lift(props: { readonly lift: Polled<LiftCards>; readonly nowMs: number }) {
  const { lift, nowMs } = props;
  useEffect(() => void lift.refresh(), [lift, nowMs]);
  const { value, problem } = lift;
  const isEmpty = value?.tests.length === 0 && value.comparisons.length === 0;
  return (
    <section class="panel" aria-labelledby="lift-title" aria-busy={value === undefined}>
      <div class="section-head">
        <h2 id="lift-title">Lift</h2>
        <p class="span">
          by randomised holdout, what would not have come without the channel; by other methods,
          what changed
        </p>
      </div>
      {problem !== undefined && <p class="footnote">The tests could not be read: {problem}</p>}
      {value === undefined && problem === undefined && (
        <Empty>Waiting for the first numbers …</Empty>
      )}
      {isEmpty && problem === undefined && (
        <Empty>
          No test runs. Declare one in weir.yaml and keep the channel from its holdout:
          <Command text={DECLARE} />
        </Empty>
      )}
      {value !== undefined && !isEmpty && (
        <ul class="lift-cards">
          {value.tests.map((card) => (
            <Card key={card.test} card={card} />
          ))}
          {value.comparisons.map((card) => (
            <Comparison key={card.comparison} card={card} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Card(props: { readonly card: LiftCard }) {
  const { card } = props;
  const { relative } = card;
  return (
    <li class="lift-card" data-test={card.test}>
      <h3>
        {card.channel} <span class={VERDICT_CLASS[card.verdict] ?? 'badge'}>{card.verdict}</span>
      </h3>
      {card.voidReason !== undefined && (
        <p class="problem">
          {card.voidReason}: something other than chance decides who is in which arm, so these
          numbers mean nothing.
        </p>
      )}
      <p class="lift-point">
        <strong>{relative === undefined ? NO_VALUE : formatLift(relative.point)}</strong>{' '}
        {relative !== undefined && (
          <span>
            {formatLift(relative.low)} … {formatLift(relative.high)}
          </span>
        )}
      </p>
      <p class="footnote">
        <Method name={card.method} /> · {OUTCOME_WORDS[card.outcome] ?? card.outcome} · {card.state}
      </p>
      <LiftBand history={card.history} />
      <dl class="lift-facts">
        <div>
          <dt>Visitors</dt>
          <dd>
            {formatCount(card.visitorsTreated)}, {formatCount(card.visitorsHoldout)} held out
          </dd>
        </div>
        <div>
          <dt>ordered</dt>
          <dd>
            {formatCount(card.convertersTreated)}, {formatCount(card.convertersHoldout)} held out
          </dd>
        </div>
        <div>
          <dt>not matured yet</dt>
          <dd>{formatCount(card.visitorsProvisional)}</dd>
        </div>
        {card.visitorsExcluded > 0 && (
          <div>
            <dt title="Nobody can say which arm they belong to: they are in no other number">
              seen in both arms
            </dt>
            <dd>{formatCount(card.visitorsExcluded)} left out</dd>
          </div>
        )}
        <div>
          <dt>Lift of 15 to 25 %</dt>
          <dd>
            {card.bandChance === undefined ? NO_VALUE : `${formatShare(card.bandChance)} likely`}
          </dd>
        </div>
        <div>
          <dt>Decision</dt>
          <dd>{decisionText(card)}</dd>
        </div>
        <div>
          <dt title="Incremental margin per unit of spend">iROAS</dt>
          <dd>{card.iroas === undefined ? NO_VALUE : intervalText(card.iroas)}</dd>
        </div>
        <div>
          <dt title="Spend per incremental conversion">iCPA</dt>
          <dd>
            {card.icpaMinor === undefined ? NO_VALUE : formatMoney(card.icpaMinor, card.currency)}
          </dd>
        </div>
      </dl>
    </li>
  );
}

/** Nobody plans by a count of days beyond it. */
const YEAR_DAYS = 365;

function decisionText(card: LiftCard): string {
  if (!card.isEvidenceSufficient) return 'needs 25 orders in each arm';
  if (card.verdict === 'winning' || card.verdict === 'losing') return 'called';
  if (card.daysToDecision === undefined) return 'out of sight';
  if (card.daysToDecision > YEAR_DAYS) return 'over a year away at this rate';
  if (card.daysToDecision < 1)
    return `in ${formatFraction(card.daysToDecision * 24)} h at this rate`;
  return `in ${formatFraction(card.daysToDecision)} d at this rate`;
}

function intervalText({ point, low, high }: LiftPoint): string {
  return `${formatFraction(point)} (${formatFraction(low)} … ${formatFraction(high)})`;
}
