import { minorUnitsPerUnit } from '../../schemas/money.ts';

/** A price as it is shown on a channel. */
export interface Price {
  /** Above zero, in minor units of `currency`. */
  readonly priceMinor: number;
  /** ISO 4217. */
  readonly currency: string;
  /** Tax inside the price, in hundredths of a percent; 0 for a net price. */
  readonly taxBasisPoints: number;
}

/** Below the reference, at parity, above it. */
export type Side = -1 | 0 | 1;

/** Why a gap moved. */
export const CAUSES = ['price', 'reference', 'fx'] as const;
export type Cause = (typeof CAUSES)[number];

/** What the rules of parity measure with. */
export interface Tolerance {
  /** Deviation that is still parity, in hundredths of a percent of the parity price. */
  readonly toleranceBasisPoints: number;
  /** Largest move of the exchange rate that alone raises nothing, in hundredths of a percent. */
  readonly fxBandBasisPoints: number;
}

/** A price beside its reference. */
export interface Comparison {
  /** Both without tax, in whole units of their currencies. */
  readonly net: number;
  readonly referenceNet: number;
  /** Units of the price's currency for one of the reference's. */
  readonly fx: number;
  /** The gap net ÷ (fx × referenceNet) − 1. */
  readonly gap: number;
  /** Which side of the tolerance the price is on, and of half of it. */
  readonly side: Side;
  readonly halfSide: Side;
}

/** Hundredths of a percent in a whole. */
export const BASIS_POINTS = 10_000;

/** A gap is stored as a whole number of billionths, so that hours of it add up exactly. */
export const GAP_UNITS = 1_000_000_000;

/** Largest gap that is told apart, a price a thousand times the reference: beyond it products overflow. */
const GAP_MAX = 1_000;

const HALF = 0.5;

/** The gap in whole billionths, half rounded up. */
export function gapUnitsOf(gap: number): number {
  return Math.floor(gap * GAP_UNITS + HALF);
}

/**
 * Compares a price with its reference. Ratios of prices have no smallest unit, so they are floating
 * point: each is one quotient of whole numbers, rounded once.
 *
 * A price is beyond the tolerance when it is further from parity than the tolerance and than one
 * minor unit: a price cannot be closer than its currency can say.
 */
export function compare(
  price: Price,
  reference: Price,
  { fx, toleranceBasisPoints }: { readonly fx: number; readonly toleranceBasisPoints: number },
): Comparison {
  const scale = (BASIS_POINTS + price.taxBasisPoints) * minorUnitsPerUnit(price.currency);
  const net = (price.priceMinor * BASIS_POINTS) / scale;
  const referenceNet =
    (reference.priceMinor * BASIS_POINTS) /
    ((BASIS_POINTS + reference.taxBasisPoints) * minorUnitsPerUnit(reference.currency));
  const parityMinor = (fx * referenceNet * scale) / BASIS_POINTS;
  const limitMinor = Math.max((parityMinor * toleranceBasisPoints) / BASIS_POINTS, 1);
  const deviationMinor = price.priceMinor - parityMinor;
  return {
    net,
    referenceNet,
    fx,
    gap: Math.min(net / (fx * referenceNet) - 1, GAP_MAX),
    side: sideOf(deviationMinor, limitMinor),
    halfSide: sideOf(deviationMinor, limitMinor * HALF),
  };
}

function sideOf(deviation: number, limit: number): Side {
  if (deviation < -limit) return -1;
  return deviation > limit ? 1 : 0;
}

/**
 * What moved the log gap ℓ = ln p − ln fx − ln reference most towards `side`: the price, the reference
 * or the exchange rate; ties go to the earlier of them. Logarithms are floating point; nothing is
 * added up over them, they only choose a word.
 */
export function causeOf(before: Comparison | undefined, after: Comparison, side: Side): Cause {
  if (before === undefined) return 'price';
  const price = Math.log(after.net / before.net) * side;
  const reference = -Math.log(after.referenceNet / before.referenceNet) * side;
  const fx = -Math.log(after.fx / before.fx) * side;
  if (reference > price && reference >= fx) return 'reference';
  return fx > price ? 'fx' : 'price';
}
