import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

import type { MinuteSeries } from '../numbers/minute-series.ts';

const HEIGHT_PX = 44;
const HALF_MINUTE_SECONDS = 30;

/**
 * The last hour, minute by minute. The newest minute is dashed: it is still filling, and a line
 * that always falls at its end would cry wolf.
 */
export function Sparkline(props: {
  readonly series: MinuteSeries;
  /** A line for what flows, bars for what happens now and then. */
  readonly shape: 'line' | 'bars';
  /** What is drawn, such as "Net clicks/min". */
  readonly title: string;
  readonly describe: (value: number) => string;
  readonly timeOf: (start: number) => string;
}) {
  const { series, shape, title, describe, timeOf } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [pointed, setPointed] = useState<number | undefined>(undefined);

  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const created = new uPlot(optionsFor(element, shape, setPointed), [[], [], []], element);
    plot.current = created;
    const resize = new ResizeObserver(() => {
      created.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    resize.observe(element);
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => created.redraw();
    scheme.addEventListener('change', repaint);
    return () => {
      scheme.removeEventListener('change', repaint);
      resize.disconnect();
      created.destroy();
    };
  }, []);

  useEffect(() => {
    plot.current?.setData(plotData(series, shape));
  }, [series]);

  const start = pointed === undefined ? undefined : series.starts[pointed];
  const value = pointed === undefined ? undefined : series.values[pointed];
  const settled = series.values.at(-2) ?? 0;
  const highest = Math.max(0, ...series.values);
  return (
    <div class="spark">
      <div
        class="spark-plot"
        ref={host}
        role="img"
        aria-label={`${title}, last 60 minutes: ${describe(settled)} in the last full minute, ${describe(highest)} at most`}
      />
      <p class="spark-note" aria-hidden="true">
        {start === undefined || value === undefined ? (
          <>
            <span>{title}</span>
            <span>max {describe(highest)}</span>
          </>
        ) : (
          <>
            <span>{timeOf(start)}</span>
            <span>{describe(value)}</span>
          </>
        )}
      </p>
    </div>
  );
}

function plotData(series: MinuteSeries, shape: 'line' | 'bars'): uPlot.AlignedData {
  // A dashed piece of line needs the point it starts from; a bar stands alone.
  const overlap = shape === 'line' ? 1 : 0;
  const last = series.values.length - 1;
  return [
    series.starts.map((start) => start / 1000),
    series.values.map((value, index) => (index === last ? null : value)),
    series.values.map((value, index) => (index >= last - overlap ? value : null)),
  ];
}

function optionsFor(
  host: HTMLElement,
  shape: 'line' | 'bars',
  point: (index: number | undefined) => void,
): uPlot.Options {
  // Read at every drawing, so that a change of the colour scheme shows.
  const color = (name: string) => () => getComputedStyle(host).getPropertyValue(name);
  const margin = shape === 'bars' ? HALF_MINUTE_SECONDS : 0;
  return {
    width: Math.max(1, host.clientWidth),
    height: HEIGHT_PX,
    padding: [3, 2, 2, 2],
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    cursor: { y: false, drag: { x: false, y: false, setScale: false } },
    scales: {
      // Half a minute at both ends, so that the first and the last bar are whole.
      x: { time: false, range: (_plot, min, max) => [min - margin, max + margin] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max ?? 1)] },
    },
    series: shape === 'line' ? lineSeries(color) : barSeries(color),
    hooks: {
      setCursor: [(plot) => point(plot.cursor.idx ?? undefined)],
    },
  };
}

type ColorOf = (name: string) => () => string;

function lineSeries(color: ColorOf): uPlot.Series[] {
  const line = { stroke: color('--accent'), width: 1.5, points: { show: false } };
  return [{}, { ...line, fill: color('--accent-soft') }, { ...line, dash: [2, 3] }];
}

function barSeries(color: ColorOf): uPlot.Series[] {
  const paths = uPlot.paths.bars?.({ size: [0.7, 6], gap: 0 });
  const bars = { width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  return [{}, { ...bars, fill: color('--bar') }, { ...bars, fill: color('--line-strong') }];
}
