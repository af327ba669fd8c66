import type { PathStep } from '../live/paths.ts';
import { formatCount } from '../numbers/format.ts';

/** The names that paths begin and end with on the wire. */
const START = '(start)';
const CONVERSION = '(conversion)';
const NULL = '(null)';

const WIDTH = 360;
const ROW_HEIGHT = 34;
const CHANNEL_X = 150;
const CHANNEL_WIDTH = 80;
const NODE_HEIGHT = 20;
const LINE_WIDTH_MAX = 9;
/** Steps that are rarer than this part of the commonest are left out: they would be a haze. */
const SHARE_MIN = 0.005;

/** How visitors go from the start through the channels to an order, or to nothing. */
export function PathGraph(props: { readonly steps: readonly PathStep[] }) {
  const { steps } = props;
  const most = steps[0]?.count ?? 0;
  if (most === 0) return null;
  const shown = steps.filter(({ count }) => count >= most * SHARE_MIN);
  const channels = channelsByCount(shown);
  const height = Math.max(2, channels.length) * ROW_HEIGHT;
  const yOf = new Map(channels.map((channel, index) => [channel, (index + 0.5) * ROW_HEIGHT]));
  const thickness = (count: number) => Math.max(0.6, (LINE_WIDTH_MAX * count) / most);
  return (
    <figure class="path-graph">
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label={`Steps between channels; the commonest is from ${wordOf(steps[0]?.from ?? '')} to ${wordOf(steps[0]?.to ?? '')}, ${formatCount(most)} times`}
      >
        {shown.map((step) => (
          <path
            key={`${step.from} ${step.to}`}
            class={step.to === CONVERSION ? 'to-order' : step.to === NULL ? 'to-nothing' : ''}
            d={curveOf(step, yOf, height)}
            style={{ strokeWidth: thickness(step.count) }}
          >
            <title>{`${wordOf(step.from)} → ${wordOf(step.to)}: ${formatCount(step.count)}`}</title>
          </path>
        ))}
        {channels.map((channel) => (
          <g key={channel}>
            <rect
              x={CHANNEL_X}
              y={(yOf.get(channel) ?? 0) - NODE_HEIGHT / 2}
              width={CHANNEL_WIDTH}
              height={NODE_HEIGHT}
              rx="4"
            />
            <text x={CHANNEL_X + CHANNEL_WIDTH / 2} y={(yOf.get(channel) ?? 0) + 4}>
              {channel}
            </text>
          </g>
        ))}
        <text class="end" x="0" y={height / 2 - 8}>
          start
        </text>
        <text class="end right" x={WIDTH} y={height / 4 - 8}>
          order
        </text>
        {shown.some(({ to }) => to === NULL) && (
          <text class="end right" x={WIDTH} y={(3 * height) / 4 - 8}>
            nothing
          </text>
        )}
      </svg>
      <figcaption class="footnote">
        The thicker a line, the more often a visitor went on there.
      </figcaption>
    </figure>
  );
}

function channelsByCount(steps: readonly PathStep[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { to, count } of steps) {
    if (to !== CONVERSION && to !== NULL) counts.set(to, (counts.get(to) ?? 0) + count);
  }
  return [...counts].toSorted((a, b) => b[1] - a[1]).map(([channel]) => channel);
}

function curveOf({ from, to }: PathStep, yOf: ReadonlyMap<string, number>, height: number): string {
  const fromY = yOf.get(from) ?? height / 2;
  const right = CHANNEL_X + CHANNEL_WIDTH;
  if (from === START) return bend([0, height / 2], [CHANNEL_X, yOf.get(to) ?? 0]);
  if (to === CONVERSION) return bend([right, fromY], [WIDTH, height / 4]);
  if (to === NULL) return bend([right, fromY], [WIDTH, (3 * height) / 4]);
  // Between channels: out on the left and back, further out the further the way.
  const toY = yOf.get(to) ?? 0;
  const out = CHANNEL_X - 12 - Math.abs(toY - fromY) * 0.4;
  return `M ${CHANNEL_X} ${fromY} C ${out} ${fromY}, ${out} ${toY}, ${CHANNEL_X} ${toY}`;
}

type Point = readonly [x: number, y: number];

function bend([fromX, fromY]: Point, [toX, toY]: Point): string {
  const middle = (fromX + toX) / 2;
  return `M ${fromX} ${fromY} C ${middle} ${fromY}, ${middle} ${toY}, ${toX} ${toY}`;
}

function wordOf(state: string): string {
  if (state === START) return 'start';
  if (state === CONVERSION) return 'order';
  return state === NULL ? 'nothing' : state;
}
