import { Random, WeightedChoice } from './random.ts';

/** Popularity falls with the rank to this power: a few SKUs sell most, as in real shops (Zipf). */
const POPULARITY_EXPONENT = 0.9;

/** Share of orders with a second line, of another SKU. */
export const SECOND_LINE_SHARE = 0.35;

/** Every so many SKUs one is bought by one to three units, and one has no known cost. */
const MULTIPLE_EVERY = 5;
const COSTLESS_EVERY = 10;
const MULTIPLE_UNITS_MAX = 3;

export interface Sku {
  readonly id: string;
  /** Starting price without tax in the shop's own currency. */
  readonly listPriceMinor: number;
  /** In the shop's own currency; undefined where the shop does not know it. */
  readonly unitCostMinor: number | undefined;
  /** A line asks for 1 to this many units, each as likely. */
  readonly unitsMax: number;
  /** Mean lines that ask for this SKU, per order that is wanted. */
  readonly linesPerOrder: number;
}

/** What the shop sells and where it keeps it; the first SKU is the most popular. */
export class Catalogue {
  readonly skus: readonly Sku[];
  readonly nodeIds: readonly string[];
  readonly #choice: WeightedChoice;

  constructor(options: {
    readonly seed: number;
    readonly skuCount: number;
    readonly nodeCount: number;
  }) {
    const random = new Random(options.seed, 'catalogue');
    const ranks = Array.from({ length: options.skuCount }, (_, index) => index + 1);
    this.#choice = new WeightedChoice(ranks.map((rank) => rank ** -POPULARITY_EXPONENT));
    const digits = Math.max(3, String(options.skuCount).length);
    this.skus = this.#choice.shares.map((share, index) => {
      const listPriceMinor = Math.round(random.between(900, 12_000) / 10) * 10 - 1;
      const costMinor = Math.round(listPriceMinor * random.between(0.4, 0.7));
      return {
        id: `SKU-${String(index + 1).padStart(digits, '0')}`,
        listPriceMinor,
        unitCostMinor: index % COSTLESS_EVERY === COSTLESS_EVERY - 1 ? undefined : costMinor,
        unitsMax: index % MULTIPLE_EVERY === MULTIPLE_EVERY - 1 ? MULTIPLE_UNITS_MAX : 1,
        // A second line that draws the SKU of the first is left out.
        linesPerOrder: share * (1 + SECOND_LINE_SHARE * (1 - share)),
      };
    });
    this.nodeIds = Array.from({ length: options.nodeCount }, (_, index) => `node-${index + 1}`);
  }

  /** The index of a SKU by popularity. */
  pick(random: Random): number {
    return this.#choice.pick(random.unit());
  }

  sku(index: number): Sku {
    const sku = this.skus[index];
    if (sku === undefined) throw new RangeError(`no SKU at ${index}`);
    return sku;
  }
}

/** Mean units of a line. */
export function unitsPerLine(sku: Sku): number {
  return (1 + sku.unitsMax) / 2;
}
