import { chiSquareTail } from './distributions.ts';

/** A channel's orders and the share of all orders that it should have. */
export interface MixPart {
  readonly channel: string;
  readonly count: number;
  /** Zero or more; only proportions count. */
  readonly target: number;
}

/** How far a mix lies from its targets. */
export interface Mix {
  readonly parts: readonly {
    readonly channel: string;
    readonly share: number;
    readonly targetShare: number;
    /** Share less target, percentage points. */
    readonly deviationPoints: number;
  }[];
  readonly chiSquare: number;
  readonly p: number;
}

/** Compares counts with target shares; undefined without a count or with fewer than two targets. */
export function mixOf(parts: readonly MixPart[]): Mix | undefined {
  const targeted = parts.filter(({ target }) => target > 0);
  const total = targeted.reduce((sum, { count }) => sum + count, 0);
  const targets = targeted.reduce((sum, { target }) => sum + target, 0);
  if (total === 0 || targeted.length < 2) return undefined;
  let chiSquare = 0;
  const compared = targeted.map(({ channel, count, target }) => {
    const targetShare = target / targets;
    const share = count / total;
    chiSquare += (count - total * targetShare) ** 2 / (total * targetShare);
    return { channel, share, targetShare, deviationPoints: (share - targetShare) * 100 };
  });
  return { parts: compared, chiSquare, p: chiSquareTail(chiSquare, targeted.length - 1) };
}
