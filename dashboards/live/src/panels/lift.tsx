import { useEffect } from 'preact/hooks';

import type { LiftCard, LiftPoint } from '../live/lift.ts';
import type { Polled } from '../live/polled.ts';
import {
  formatCount,
  formatFraction,
  formatMoney,
  formatShare,
  NO_VALUE,
} from '../numbers/format.ts';
import { Command, Empty } from '../parts/empty.tsx';

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

/** Size of the drawing, in its own units; it is stretched to the card. */
const BAND_WIDTH = 240;
const BAND_HEIGHT = 64;

/** What each channel brings that would not have come without it, one card per test. */
export function Lift(props: {
  readonly lift: Polled<readonly LiftCard[]>;
  readonly nowMs: number;
}) {
  const { lift, nowMs } = props;
  useEffect(() => void lift.refresh(), [lift, nowMs]);
  const { value: cards, problem } = lift;
  return (
    <section class="panel" aria-labelledby="lift-title" aria-busy={cards === undefined}>
      <div class="section-head">
        <h2 id="lift-title">Lift</h2>
        <p class="span">what would not have come without the channel, by randomised holdout</p>
      </div>
      {problem !== undefined && <p class="footnote">The tests could not be read: {problem}</p>}
      {cards === undefined && problem === undefined && (
        <Empty>Waiting for the first numbers …</Empty>
      )}
      {cards?.length === 0 && (
        <Empty>
          No test runs. Declare one in weir.yaml and keep the channel from its holdout:
          <Command text={DECLARE} />
        </Empty>
      )}
      {cards !== undefined && cards.length > 0 && (
        <ul class="lift-cards">
          {cards.map((card) => (
            <Card key={card.test} card={card} />
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
        {card.method} · {OUTCOME_WORDS[card.outcome] ?? card.outcome} · {card.state}
      </p>
      <Band card={card} />
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

/** The interval as it narrowed, cohort after cohort, with zero as a line. */
function Band(props: { readonly card: LiftCard }) {
  const { history } = props.card;
  const [first] = history;
  const last = history.at(-1);
  if (first === undefined || last === undefined || history.length < 2) {
    return (
      <p class="footnote">The interval over time appears with the first cohorts that matured.</p>
    );
  }
  // The first intervals are so wide that they would flatten all others.
  const settled = history.slice(Math.floor(history.length / 4));
  const high = Math.max(0, ...settled.map((point) => point.high));
  const low = Math.min(0, ...settled.map((point) => point.low));
  const x = (until: number) =>
    (BAND_WIDTH * (until - first.until)) / Math.max(1, last.until - first.until);
  const y = (value: number) =>
    (BAND_HEIGHT * (high - Math.min(high, Math.max(low, value)))) / Math.max(1e-9, high - low);
  const place = (until: number, value: number) => `${x(until).toFixed(1)},${y(value).toFixed(1)}`;
  const upper = history.map((point) => place(point.until, point.high));
  const lower = history.map((point) => place(point.until, point.low)).toReversed();
  const line = history.map((point) => place(point.until, point.point));
  return (
    <svg
      class="lift-band"
      viewBox={`0 0 ${BAND_WIDTH} ${BAND_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Interval over time, now ${formatLift(last.low)} to ${formatLift(last.high)}`}
    >
      <polygon points={[...upper, ...lower].join(' ')} />
      <line x1="0" x2={BAND_WIDTH} y1={y(0)} y2={y(0)} />
      <polyline points={line.join(' ')} />
    </svg>
  );
}

function decisionText(card: LiftCard): string {
  if (!card.isEvidenceSufficient) return 'needs 25 orders in each arm';
  if (card.verdict === 'winning' || card.verdict === 'losing') return 'called';
  if (card.daysToDecision === undefined) return 'out of sight';
  if (card.daysToDecision < 1)
    return `in ${formatFraction(card.daysToDecision * 24)} h at this rate`;
  return `in ${formatFraction(card.daysToDecision)} d at this rate`;
}

function intervalText({ point, low, high }: LiftPoint): string {
  return `${formatFraction(point)} (${formatFraction(low)} … ${formatFraction(high)})`;
}

/** `+12.3 %`: a lift always has a sign. */
function formatLift(ratio: number): string {
  return ratio > 0 ? `+${formatShare(ratio)}` : formatShare(ratio);
}
