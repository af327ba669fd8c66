import { splitByLargestRemainder } from '../../schemas/money.ts';
import type { Output } from '../engine/operator/operator.ts';
import { WEIGHTS } from './models.ts';
import type { Conversion } from './orders.ts';
import {
  ATTRIBUTION_1H,
  CONVERSIONS_MILLI,
  CONVERSION_MILLI,
  CREDIT_MINOR,
  type Model,
  UNATTRIBUTED_CHANNEL,
} from './row.ts';
import { CAMPAIGN, CHANNEL, type Touch } from './touch.ts';

/** What one event changes for one window, channel, campaign and currency. */
interface Cell {
  readonly timeMs: number;
  readonly channel: string;
  readonly campaign: string;
  readonly currency: string;
  /** Per model: milli-conversions, then minor units. */
  readonly amounts: number[];
}

const AMOUNTS_PER_MODEL = ATTRIBUTION_1H.sums.length;

/** What is credited when nothing is known to have brought the visitor. */
const UNATTRIBUTED: Touch = [0, '', UNATTRIBUTED_CHANNEL, '', false];

/**
 * Collects what one event takes from and gives to channels, so that only the difference is emitted.
 * Reused from event to event; empty between them.
 */
export class CreditChange {
  readonly #models: readonly Model[];
  readonly #halfLifeMs: number;
  #cells: Cell[] = [];

  constructor(models: readonly Model[], halfLifeMs: number) {
    this.#models = models;
    this.#halfLifeMs = halfLifeMs;
  }

  /** Gives (`sign` 1) or takes back (`sign` −1) the whole credit of a conversion, by every model. */
  add(conversion: Conversion, path: readonly Touch[], sign: 1 | -1): void {
    const touches = path.length === 0 ? [UNATTRIBUTED] : path;
    const cells = touches.map((touch) => this.#cellOf(conversion, touch));
    let at = 0;
    for (const model of this.#models) {
      const [onlyCell] = cells;
      if (cells.length === 1 && onlyCell !== undefined) {
        // The commonest path: every model gives all to its one touch.
        addTo(onlyCell, at, sign * CONVERSION_MILLI, sign * conversion.valueMinor);
      } else {
        const weights = WEIGHTS[model](touches, this.#halfLifeMs);
        const milli = splitByLargestRemainder(CONVERSION_MILLI, weights);
        const minor = splitByLargestRemainder(conversion.valueMinor, weights);
        cells.forEach((cell, touch) => {
          addTo(cell, at, sign * (milli[touch] ?? 0), sign * (minor[touch] ?? 0));
        });
      }
      at += AMOUNTS_PER_MODEL;
    }
  }

  /** Emits every difference that is not zero, and starts anew. */
  emit(output: Output): void {
    for (const { timeMs, channel, campaign, currency, amounts } of this.#cells) {
      let at = 0;
      for (const model of this.#models) {
        for (let sum = 0; sum < AMOUNTS_PER_MODEL; sum += 1) {
          const amount = amounts[at + sum] ?? 0;
          if (amount === 0) continue;
          output.add(ATTRIBUTION_1H, timeMs, [model, channel, campaign, currency], sum, amount);
        }
        at += AMOUNTS_PER_MODEL;
      }
    }
    this.#cells = [];
  }

  #cellOf(conversion: Conversion, touch: Touch): Cell {
    const { currency } = conversion;
    const timeMs =
      Math.floor(conversion.timeMs / ATTRIBUTION_1H.windowMs) * ATTRIBUTION_1H.windowMs;
    for (const cell of this.#cells) {
      const isSame =
        cell.timeMs === timeMs &&
        cell.channel === touch[CHANNEL] &&
        cell.campaign === touch[CAMPAIGN] &&
        cell.currency === currency;
      if (isSame) return cell;
    }
    const cell = {
      timeMs,
      channel: touch[CHANNEL],
      campaign: touch[CAMPAIGN],
      currency,
      amounts: Array.from<number>({ length: this.#models.length * AMOUNTS_PER_MODEL }).fill(0),
    };
    this.#cells.push(cell);
    return cell;
  }
}

/** Adds to the amounts of the model that start at `at`. */
function addTo({ amounts }: Cell, at: number, milli: number, minor: number): void {
  amounts[at + CONVERSIONS_MILLI] = (amounts[at + CONVERSIONS_MILLI] ?? 0) + milli;
  amounts[at + CREDIT_MINOR] = (amounts[at + CREDIT_MINOR] ?? 0) + minor;
}
