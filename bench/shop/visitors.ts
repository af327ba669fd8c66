import { isHeldOut, bucketOf } from '../../schemas/assignment.ts';
import { BUYER_VISIT_CONVERSION, type ClickChannel, type ShopOptions } from './options.ts';
import { Random } from './random.ts';
import type { ArmTruth, LiftTruth } from './truth.ts';

/** Share of visits that somebody makes who has been here before, once enough people have been. */
const RETURNING_SHARE = 0.35;

/** Share of visits after which the visitor means to come back: more than return, so the pool fills. */
const COMING_BACK_SHARE = 0.45;

/** Between two visits of a person, in days of the shop. */
const ABSENCE_DAYS_MIN = 0.25;
const ABSENCE_DAYS_MEAN = 1.5;

/** People who may come back are held in memory, 16 bytes each; with more, they are away shorter. */
const POOL_MAX = 1_000_000;

/** What the shop remembers of a person between visits. */
export interface Visitor {
  /** Counts from 0; everything else about the person follows from it. */
  readonly number: number;
  readonly id: string;
  /** One bit per experiment, in the order of the channels with a holdout: 1 is treated. */
  readonly treatedBits: number;
  readonly isBuyer: boolean;
  hasOrdered: boolean;
  /** Whether an event of this person has been written: those of the warm-up are not. */
  isKnown: boolean;
}

interface Experiment {
  readonly channel: ClickChannel;
  readonly share: number;
  readonly salt: string;
  readonly trueLift: number;
  readonly treated: { visitors: number; converters: number; orders: number };
  readonly holdout: { visitors: number; converters: number; orders: number };
}

const BUYER_BIT = 1;
const ORDERED_BIT = 2;
const KNOWN_BIT = 4;
const ARMS_SHIFT = 3;

/** Decides who visits, keeps those who may come back, and counts the arms of every experiment. */
export class Visitors {
  readonly #random: Random;
  readonly #idStart: string;
  readonly #keyOf: (visitorId: string) => string;
  readonly #experiments: readonly Experiment[];
  readonly #buyerShare: number;
  readonly #absenceMsMin: number;
  readonly #numbers: Float64Array;
  readonly #flags: Uint16Array;
  readonly #leftAtMs: Float64Array;
  #waiting = 0;
  #nextNumber = 0;

  constructor(
    options: ShopOptions,
    { visitsPerMs, idStart }: { readonly visitsPerMs: number; readonly idStart: string },
  ) {
    this.#random = new Random(options.seed, 'visitors');
    this.#idStart = idStart;
    this.#keyOf = options.holdoutKeyOf;
    this.#buyerShare = options.conversionRate / BUYER_VISIT_CONVERSION;
    this.#absenceMsMin = ABSENCE_DAYS_MIN * options.dayLengthMs;
    this.#experiments = options.clickChannels.flatMap((channel) => {
      const { holdout } = channel;
      if (holdout === undefined) return [];
      const arms = { treated: noOne(), holdout: noOne() };
      return [
        { channel, share: holdout.share, salt: holdout.salt, trueLift: holdout.trueLift, ...arms },
      ];
    });
    const waitingMean = visitsPerMs * RETURNING_SHARE * ABSENCE_DAYS_MEAN * options.dayLengthMs;
    const capacity = Math.max(1, Math.min(POOL_MAX, Math.ceil(waitingMean)));
    this.#numbers = new Float64Array(capacity);
    this.#flags = new Uint16Array(capacity);
    this.#leftAtMs = new Float64Array(capacity);
  }

  /** The next visitor number: bots take theirs from the same row, so that nothing tells them apart. */
  takeNumber(): number {
    return this.#nextNumber++;
  }

  idOf(number: number): string {
    return this.#idStart + number;
  }

  /** Who comes at `nowMs`: somebody new, or somebody who has been away long enough. */
  arrive(nowMs: number): Visitor {
    const random = this.#random;
    if (random.chance(RETURNING_SHARE) && this.#waiting > 0) {
      const index = random.below(this.#waiting);
      if ((this.#leftAtMs[index] ?? nowMs) + this.#absenceMsMin <= nowMs)
        return this.#takeBack(index);
    }
    const number = this.takeNumber();
    const id = this.idOf(number);
    const treatedBits = this.#treatedBits(id);
    let buyerShare = this.#buyerShare;
    for (const [index, { trueLift }] of this.#experiments.entries()) {
      if ((treatedBits & (1 << index)) !== 0) buyerShare *= 1 + trueLift;
    }
    const isBuyer = random.chance(buyerShare);
    return { number, id, treatedBits, isBuyer, hasOrdered: false, isKnown: false };
  }

  #treatedBits(id: string): number {
    const key = this.#keyOf(id);
    let bits = 0;
    for (const [index, { channel, share, salt }] of this.#experiments.entries()) {
      if (!isHeldOut(bucketOf(salt, channel.name, key), share)) bits |= 1 << index;
    }
    return bits;
  }

  /** Whom the visitor's devices are logged in as. */
  accountOf({ number }: Visitor): string {
    return `account-${this.idOf(number)}`;
  }

  /** The visitor on another device, under an id that is in the same arms; on this one where it is not. */
  onOtherDevice(visitor: Visitor): Visitor {
    const id = `${visitor.id}-b`;
    // Those who log in are buyers: were they seen in both arms, the rest would be no fair sample.
    return this.#treatedBits(id) === visitor.treatedBits ? { ...visitor, id } : visitor;
  }

  /** Whether the person with this id is held out of `channel`; false where there is no experiment. */
  isHeldOutOf(channel: ClickChannel, id: string): boolean {
    const { holdout, name } = channel;
    return (
      holdout !== undefined &&
      isHeldOut(bucketOf(holdout.salt, name, this.#keyOf(id)), holdout.share)
    );
  }

  #takeBack(index: number): Visitor {
    const number = this.#numbers[index] ?? 0;
    const flags = this.#flags[index] ?? 0;
    this.#waiting -= 1;
    this.#numbers[index] = this.#numbers[this.#waiting] ?? 0;
    this.#flags[index] = this.#flags[this.#waiting] ?? 0;
    this.#leftAtMs[index] = this.#leftAtMs[this.#waiting] ?? 0;
    return {
      number,
      id: this.idOf(number),
      treatedBits: flags >> ARMS_SHIFT,
      isBuyer: (flags & BUYER_BIT) !== 0,
      hasOrdered: (flags & ORDERED_BIT) !== 0,
      isKnown: (flags & KNOWN_BIT) !== 0,
    };
  }

  /** A visit is over. Whether the person comes back depends neither on the arms nor on buying. */
  leave(visitor: Visitor, nowMs: number): void {
    const random = this.#random;
    if (!random.chance(COMING_BACK_SHARE)) return;
    // In a full pool the newcomer takes the place of somebody who then never returns.
    const index =
      this.#waiting < this.#numbers.length ? this.#waiting++ : random.below(this.#waiting);
    this.#numbers[index] = visitor.number;
    this.#leftAtMs[index] = nowMs;
    this.#flags[index] =
      (visitor.isBuyer ? BUYER_BIT : 0) |
      (visitor.hasOrdered ? ORDERED_BIT : 0) |
      (visitor.isKnown ? KNOWN_BIT : 0) |
      (visitor.treatedBits << ARMS_SHIFT);
  }

  /** The first click event of a person has been written. */
  recordKnown(visitor: Visitor): void {
    visitor.isKnown = true;
    for (const [index, experiment] of this.#experiments.entries()) {
      armOf(experiment, visitor, index).visitors += 1;
    }
  }

  recordOrder(visitor: Visitor): void {
    for (const [index, experiment] of this.#experiments.entries()) {
      const arm = armOf(experiment, visitor, index);
      arm.orders += 1;
      if (!visitor.hasOrdered) arm.converters += 1;
    }
    visitor.hasOrdered = true;
  }

  lift(): LiftTruth[] {
    return this.#experiments.map(({ channel, trueLift, share, salt, treated, holdout }) => ({
      channel: channel.name,
      true_lift: trueLift,
      holdout_share: share,
      salt,
      treated: { ...treated },
      holdout: { ...holdout },
    }));
  }
}

function noOne(): { -readonly [Name in keyof ArmTruth]: number } {
  return { visitors: 0, converters: 0, orders: 0 };
}

function armOf(experiment: Experiment, visitor: Visitor, index: number): Experiment['treated'] {
  return (visitor.treatedBits & (1 << index)) === 0 ? experiment.holdout : experiment.treated;
}
