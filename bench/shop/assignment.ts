import { hash } from 'node:crypto';

const BUCKETS = 10_000;

/**
 * The bucket of a visitor in one channel's experiment, 0 to 9,999: the first 32 bits (big-endian) of
 * SHA-256 over salt, channel and visitor key, one after the other without a separator.
 *
 * @see definitions.md §1
 */
export function bucketOf(salt: string, channel: string, visitorKey: string): number {
  const digest = hash('sha256', salt + channel + visitorKey, 'hex');
  return Number.parseInt(digest.slice(0, 8), 16) % BUCKETS;
}

/** Whether a visitor is held out of a channel; `share` is the part of all visitors that is. */
export function isHeldOut(bucket: number, share: number): boolean {
  return bucket < BUCKETS * share;
}
