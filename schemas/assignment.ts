import { hash } from 'node:crypto';

const BUCKETS = 10_000;

/** The two arms of a test: those who may see the channel, and those who are held out of it. */
export const ARMS = ['treated', 'holdout'] as const;
export type Arm = (typeof ARMS)[number];

/**
 * The bucket of a visitor in one channel's experiment, 0 to 9,999: the first 32 bits (big-endian) of
 * SHA-256 over salt, channel and visitor token, one after the other without a separator.
 *
 * @see definitions.md §1
 */
export function bucketOf(salt: string, channel: string, visitorToken: string): number {
  const digest = hash('sha256', salt + channel + visitorToken, 'hex');
  return Number.parseInt(digest.slice(0, 8), 16) % BUCKETS;
}

/** Whether a visitor is held out of a channel; `share` is the part of all visitors that is. */
export function isHeldOut(bucket: number, share: number): boolean {
  // Rounded, because 10,000 × 0.07 is a little more than 700 in binary fractions.
  return bucket < Math.round(BUCKETS * share);
}

/** The arm of a visitor in one channel's test. */
export function armOf(
  test: { readonly salt: string; readonly channel: string; readonly share: number },
  visitorToken: string,
): Arm {
  return isHeldOut(bucketOf(test.salt, test.channel, visitorToken), test.share)
    ? 'holdout'
    : 'treated';
}
