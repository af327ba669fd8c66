import type { ComparisonCard } from '../live/lift.ts';
import { NO_VALUE, formatCount } from '../numbers/format.ts';
import { LiftBand, Method, formatLift } from '../parts/lift-band.tsx';

const VERDICT_CLASS: Readonly<Record<string, string>> = { void: 'badge warn' };

/** A change of sales without a holdout: what it says, and that nothing shows what caused it. */
export function Comparison(props: { readonly card: ComparisonCard }) {
  const { card } = props;
  const { point, interval } = card;
  return (
    <li class="lift-card" data-comparison={card.comparison}>
      <h3>
        {card.channel} <span class={VERDICT_CLASS[card.verdict] ?? 'badge'}>{card.verdict}</span>
      </h3>
      {card.voidReason !== undefined && (
        <p class="problem">{card.voidReason}, so these numbers mean nothing.</p>
      )}
      <p class="lift-point">
        <strong>{point === undefined ? NO_VALUE : formatLift(point)}</strong>{' '}
        {point !== undefined && (
          <span>
            {interval === undefined
              ? 'anything is possible'
              : `${formatLift(interval.low)} … ${formatLift(interval.high)}`}
          </span>
        )}
      </p>
      <p class="footnote">
        <Method name={card.method} /> · {card.outcome} · {card.state} · not incremental
      </p>
      <LiftBand history={card.history} />
      <dl class="lift-facts">
        <div>
          <dt>Days</dt>
          <dd>
            {formatCount(card.daysAfter)}, {formatCount(card.daysBefore)} before
          </dd>
        </div>
        {card.method === 'GEO_DID' && (
          <div>
            <dt title="With fewer than 19 nothing can be excluded">Control regions</dt>
            <dd>{formatCount(card.controlRegions)}</dd>
          </div>
        )}
        <div>
          <dt title="For one look that was planned beforehand">p, one look</dt>
          <dd>{card.p === undefined ? NO_VALUE : card.p.toPrecision(2)}</dd>
        </div>
      </dl>
    </li>
  );
}
