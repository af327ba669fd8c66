import { describe, expect, test } from 'vitest';

import type { Clock } from '../time/clock.ts';
import { Hold } from './hold.ts';

/** A clock that stands still until it is told to go on. */
class StandingClock implements Clock {
  atMs = 0;
  nowMs = (): number => this.atMs;
  monotonicMs = (): number => this.atMs;
  sleep = (): Promise<void> => Promise.resolve();
  random = (): number => 0;
}

describe('what counts as the stall of a checkpoint', () => {
  test('its longest stretch of work, not the time between two of them', async () => {
    const clock = new StandingClock();
    const hold = new Hold(clock);
    clock.atMs = 7;
    const paused = hold.pause(() => {
      clock.atMs += 9;
    });
    clock.atMs = 100;
    hold.beside(1);
    clock.atMs = 200;
    await paused;
    clock.atMs = 203;
    hold.end();
    expect(hold.longestMs).toBe(9);
  });

  test('the whole time for which tasks wait for it, whatever it does meanwhile', async () => {
    const clock = new StandingClock();
    const hold = new Hold(clock);
    clock.atMs = 5;
    hold.end();
    clock.atMs = 20;
    hold.wait(true);
    clock.atMs = 40;
    hold.begin();
    clock.atMs = 45;
    hold.end();
    clock.atMs = 60;
    hold.wait(false);
    expect(hold).toMatchObject({ areTasksWaiting: false, longestMs: 40 });
  });
});
