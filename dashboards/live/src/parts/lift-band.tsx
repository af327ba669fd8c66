import type { LiftCard } from '../live/lift.ts';
import { formatShare } from '../numbers/format.ts';

/** Size of the drawing, in its own units; it is stretched to the card. */
const BAND_WIDTH = 240;
const BAND_HEIGHT = 64;

/** What each method is worth. */
const METHOD_WORDS: Readonly<Record<string, string>> = {
  RANDOMISED: 'Chance decided who was held out: incremental',
  GEO_DID: 'Regions with the change against the others: not incremental',
  BASELINE: 'Against the level of each hour of the week before: not incremental',
  PRE_POST: 'After against before, whatever else changed: not incremental',
};

/** The label of a method, in its own colour. */
export function Method(props: { readonly name: string }) {
  const { name } = props;
  return (
    <span class="method" data-method={name} title={METHOD_WORDS[name]}>
      {name}
    </span>
  );
}

/** An interval as it narrowed, with zero as a line. */
export function LiftBand(props: { readonly history: LiftCard['history'] }) {
  const { history } = props;
  const [first] = history;
  const last = history.at(-1);
  if (first === undefined || last === undefined || history.length < 2) {
    return <p class="footnote">The interval over time appears as soon as there are two of them.</p>;
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

/** `+12.3 %`: a lift always has a sign. */
export function formatLift(ratio: number): string {
  return ratio > 0 ? `+${formatShare(ratio)}` : formatShare(ratio);
}
