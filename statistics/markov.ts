import { CONVERSION, START, type Transition, channelsOf } from './path-counts.ts';

/** What a chain of order one says of its channels. */
export interface MarkovCredit {
  /** The chance (or value) that the chain reaches from its start: conversions ÷ paths. */
  readonly reached: number;
  /** By channel: the removal effect, and its part of the total. */
  readonly channels: readonly {
    readonly channel: string;
    readonly removalEffect: number;
    readonly credit: number;
  }[];
}

/** A pivot below it means that some channel leads nowhere. */
const PIVOT_MIN = 1e-12;

/**
 * Credit by removal: how much less is reached when what led into a channel leads nowhere. The chain is
 * solved exactly, never simulated.
 *
 * @param measure what is handed out: conversions, or their value
 * @see E. Anderl et al., "Mapping the customer journey", Int. J. Research in Marketing 33 (2016);
 *   definitions.md §3
 */
export function markovCredit(
  transitions: readonly Transition[],
  measure: 'conversions' | 'value',
): MarkovCredit {
  const channels = channelsOf(transitions);
  const chain = new Chain(channels, transitions, measure);
  const reached = chain.reachedWithout(undefined);
  const effects = channels.map((_, index) =>
    reached > 0 ? 1 - chain.reachedWithout(index) / reached : 0,
  );
  const sum = effects.reduce((total, effect) => total + effect, 0);
  return {
    reached,
    channels: channels.map((channel, index) => {
      const removalEffect = effects[index] ?? 0;
      return { channel, removalEffect, credit: sum > 0 ? (removalEffect / sum) * chain.total : 0 };
    }),
  };
}

class Chain {
  /** All conversions, or their value. */
  readonly total: number;
  readonly #size: number;
  /** Chances of the step from channel to channel, row by row. */
  readonly #steps: readonly (readonly number[])[];
  /** Chance (or mean value) of a conversion as the next step, per channel. */
  readonly #gains: readonly number[];
  readonly #starts: readonly number[];

  constructor(
    channels: readonly string[],
    transitions: readonly Transition[],
    measure: 'conversions' | 'value',
  ) {
    this.#size = channels.length;
    const gainOf = ({ count, valueMinor }: Transition): number =>
      measure === 'conversions' ? count : valueMinor;
    const stepsFrom = (from: string): readonly Transition[] =>
      transitions.filter((transition) => transition.from === from);
    const chancesFrom = (from: string): readonly number[] => {
      const own = stepsFrom(from);
      const outflow = sumOf(own.map(({ count }) => count));
      return channels.map((to) => {
        const count = sumOf(own.filter((step) => step.to === to).map((step) => step.count));
        return outflow > 0 ? count / outflow : 0;
      });
    };
    this.#starts = chancesFrom(START);
    this.#steps = channels.map(chancesFrom);
    this.#gains = channels.map((from) => {
      const own = stepsFrom(from);
      const outflow = sumOf(own.map(({ count }) => count));
      return outflow > 0
        ? sumOf(own.filter(({ to }) => to === CONVERSION).map(gainOf)) / outflow
        : 0;
    });
    this.total = sumOf(transitions.filter(({ to }) => to === CONVERSION).map(gainOf));
  }

  /** What the start reaches when everything that leads into `removed` leads to null. */
  reachedWithout(removed: number | undefined): number {
    const values = this.#solve(removed);
    return sumOf(this.#starts.map((chance, index) => chance * (values[index] ?? 0)));
  }

  /** Solves v = Qv + r by elimination with row pivots; a removed channel has v = 0. */
  #solve(removed: number | undefined): number[] {
    const rows = this.#steps.map((steps, row) => [
      ...steps.map((chance, column) => {
        const isGone = row === removed || column === removed;
        return (row === column ? 1 : 0) - (isGone ? 0 : chance);
      }),
      row === removed ? 0 : (this.#gains[row] ?? 0),
    ]);
    for (let pivot = 0; pivot < this.#size; pivot += 1) {
      let best = pivot;
      for (let row = pivot + 1; row < this.#size; row += 1) {
        if (Math.abs(rows[row]?.[pivot] ?? 0) > Math.abs(rows[best]?.[pivot] ?? 0)) best = row;
      }
      const chosen = rows[best];
      const replaced = rows[pivot];
      if (chosen === undefined || replaced === undefined) break;
      rows[best] = replaced;
      rows[pivot] = chosen;
      const lead = chosen[pivot] ?? 0;
      // A channel that only leads to itself: nothing is reached from it.
      if (Math.abs(lead) < PIVOT_MIN) {
        rows[pivot] = chosen.map((_, column) => (column === pivot ? 1 : 0));
        continue;
      }
      for (const [index, row] of rows.entries()) {
        if (index === pivot) continue;
        const factor = (row[pivot] ?? 0) / lead;
        if (factor === 0) continue;
        for (let column = pivot; column <= this.#size; column += 1) {
          row[column] = (row[column] ?? 0) - factor * (chosen[column] ?? 0);
        }
      }
    }
    return rows.map((row, index) => (row[this.#size] ?? 0) / (row[index] ?? 1));
  }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
