import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { bucketOf, isHeldOut } from '../../schemas/assignment.ts';
import { HOUR_MS } from '../../schemas/time.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import { Shop } from './shop.ts';

test('a bucket is the first 32 bits of SHA-256 over salt, channel and visitor, modulo 10,000', () => {
  for (const visitor of ['v-1', 'v-2', 'v-é']) {
    const digest = createHash('sha256').update(`salt-asearch${visitor}`, 'utf8').digest();
    expect(bucketOf('salt-a', 'search', visitor)).toBe(digest.readUInt32BE(0) % 10_000);
  }
  expect(isHeldOut(999, 0.1)).toBe(true);
  expect(isHeldOut(1_000, 0.1)).toBe(false);
});

test('the lift measured in a large run lies near the truth, for every channel at once', () => {
  // Half of the visitors held out of each channel: the shares that measure most exactly.
  const shop = new Shop({
    seed: 21,
    durationMs: 2 * HOUR_MS,
    eventsPerSecond: 100,
    botShare: 0,
    clickChannels: DEFAULT_OPTIONS.clickChannels.map((channel, index) =>
      channel.holdout === undefined
        ? channel
        : {
            ...channel,
            holdout: { share: 0.5, salt: `s${index}`, trueLift: [0.1, 0.6, -0.3][index] ?? 0 },
          },
    ),
  });
  shop.next(Number.MAX_SAFE_INTEGER);
  const { lift } = shop.summary();
  expect(lift.map(({ true_lift: trueLift }) => trueLift)).toEqual([0.1, 0.6, -0.3]);
  for (const { treated, holdout, true_lift: trueLift } of lift) {
    const pT = treated.converters / treated.visitors;
    const pC = holdout.converters / holdout.visitors;
    // Definitions §1: relative effect and its standard error.
    const error = Math.sqrt(
      (pT * (1 - pT)) / (treated.visitors * pC ** 2) +
        (pT ** 2 * (pC * (1 - pC))) / (holdout.visitors * pC ** 4),
    );
    expect(error).toBeLessThan(0.07);
    expect(Math.abs(pT / pC - 1 - trueLift)).toBeLessThan(3 * error);
    expect(Math.abs(treated.visitors / (treated.visitors + holdout.visitors) - 0.5)).toBeLessThan(
      0.01,
    );
  }
});

test('the holdout can hash a key of the receiving system instead of the id', () => {
  const seen = new Map<string, string>();
  const holdoutKeyOf = (id: string): string => {
    const token = createHash('sha256').update(`secret${id}`).digest('base64url');
    seen.set(id, token);
    return token;
  };
  const shop = new Shop({ durationMs: 60_000, botShare: 0, holdoutKeyOf });
  const [search] = shop.options.clickChannels;
  const searchers = new Set<string>();
  for (const event of [...shop.next(Number.MAX_SAFE_INTEGER), ...shop.finish()]) {
    const match = /"visitor_id":"([^"]+)".*"channel":"search"/.exec(event.line);
    searchers.add(match?.[1] ?? '');
  }
  searchers.delete('');
  expect(searchers.size).toBeGreaterThan(500);
  for (const id of searchers) {
    const bucket = bucketOf(search?.holdout?.salt ?? '', 'search', seen.get(id) ?? '');
    expect(isHeldOut(bucket, search?.holdout?.share ?? 1)).toBe(false);
  }
});
