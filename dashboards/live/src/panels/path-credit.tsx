import { useEffect } from 'preact/hooks';

import type { Paths } from '../live/paths.ts';
import type { Polled } from '../live/polled.ts';
import { formatCount, formatFraction, formatMoney, formatShare } from '../numbers/format.ts';
import { Empty } from '../parts/empty.tsx';
import { PathGraph } from '../parts/path-graph.tsx';

/** The models that compare whole paths, with what each does in words. */
export const PATH_MODELS = [
  {
    value: 'markov',
    label: 'Markov',
    rule: 'Credit by how many conversions would be lost without the channel, by a chain of steps.',
  },
  {
    value: 'markov_value',
    label: 'Markov value',
    rule: 'As Markov, by the value of the orders.',
  },
  {
    value: 'shapley_rate',
    label: 'Shapley rate',
    rule: 'Credit by what a channel adds to the conversion rate of every set of others.',
  },
] as const;

/** Credit by a model that needs all paths at once, and the paths as a graph. */
export function PathCreditPanel(props: {
  readonly paths: Polled<Paths>;
  readonly model: string;
  readonly nowMs: number;
}) {
  const { paths, model, nowMs } = props;
  useEffect(() => void paths.refresh(), [paths, nowMs]);
  const { value, problem } = paths;
  if (value === undefined) {
    return (
      <Empty>
        {problem === undefined ? 'Reading the paths …' : `The paths could not be read: ${problem}`}
      </Empty>
    );
  }
  const credits = value.credits
    .filter((credit) => credit.model === model)
    .toSorted((a, b) => b.credit - a.credit);
  const total = credits.reduce((sum, { credit }) => sum + credit, 0);
  const text = (credit: number) =>
    model === 'markov_value' ? formatMoney(credit, value.currency) : formatFraction(credit);
  return (
    <>
      <p class="footnote">
        {formatCount(value.conversions)} paths converted, {formatCount(value.nulls)} did not;{' '}
        {formatCount(value.provisional)} may still do.
      </p>
      {credits.length === 0 ? (
        <Empty>No path has converted yet.</Empty>
      ) : (
        <table class="credit" data-path-model={model}>
          <thead>
            <tr>
              <th scope="col">Channel</th>
              <th scope="col" class="wide">
                <span class="unseen">Bar</span>
              </th>
              <th scope="col">{model === 'markov_value' ? 'Credit' : 'Conversions'}</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {credits.map(({ channel, credit }) => (
              <tr key={channel} data-channel={channel}>
                <th scope="row">{channel}</th>
                <td class="wide" aria-hidden="true">
                  <div class="bar">
                    <div
                      class="bar-fill"
                      style={{
                        width: `${(100 * credit) / Math.max(1e-9, credits[0]?.credit ?? 1)}%`,
                      }}
                    />
                  </div>
                </td>
                <td>{text(credit)}</td>
                <td>{formatShare(total === 0 ? 0 : credit / total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <PathGraph steps={value.steps} />
    </>
  );
}
