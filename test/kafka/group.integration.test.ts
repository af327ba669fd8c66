import { setTimeout as wait } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { SECOND_MS } from '../../schemas/time.ts';
import { whyNoBroker } from './broker.ts';
import { Group, PARTITIONS } from './group.ts';
import { produce } from './records.ts';
import type { MemberStatus, RunningMember } from './running-member.ts';
import { shopOf } from './scene.ts';

const TIMEOUT_MS = 300_000;
/** Issue: another process takes over within this. */
const TAKEOVER_MS_MAX = 20_000;
/** Makes the outages below as long as wanted; without it they are as short as still shows them. */
const OUTAGE_SECONDS = process.env['TEST_OUTAGE_SECONDS'];
/** How long a frozen process stays frozen: longer than its session and than any transaction. */
const FROZEN_MS = Number(OUTAGE_SECONDS ?? 40) * SECOND_MS;
/** How long ClickHouse stays away: longer than an answer is waited for and than the pause between tries. */
const AWAY_MS = Number(OUTAGE_SECONDS ?? 20) * SECOND_MS;
const POLL_MS_MAX = 60_000;
const FLAP_MS = 2_000;
const FLAPS = 30;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

describe.skipIf(skipped !== undefined)('several processes with a real broker', () => {
  test(
    'another process takes over what a killed one had, and nothing is missing or doubled, also in the topic of alerts',
    async () => {
      const group = await Group.start();
      const [first, second] = await group.pair();
      await group.send(0, 0.5);
      expect(await first.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      first.signal('SIGKILL');
      const killedAtMs = performance.now();
      expect((await first.ended).signal).toBe('SIGKILL');
      expect(first.status.partitions).toHaveLength(PARTITIONS / 2);
      await group.send(0.5, 1);
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      expect(performance.now() - killedAtMs).toBeLessThan(TAKEOVER_MS_MAX);
      expect(second.logged('"from":"changelog"')).toBe(PARTITIONS);
      await group.expectAll(second);
      await group.expectAlerts();
    },
    TIMEOUT_MS,
  );

  test(
    'what a process writes after it was frozen loses against the one that took over',
    async () => {
      const group = await Group.start();
      const [first, second] = await group.pair();
      const sent = group.send(0, 0.3);
      // In the middle of its work, so that it has something to write when it wakes.
      expect(await first.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      first.signal('SIGSTOP');
      await sent;
      await group.send(0.3, 0.6);
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      await wait(FROZEN_MS);
      expect(second.status.partitions).toHaveLength(PARTITIONS);
      first.signal('SIGCONT');
      await group.send(0.6, 1);
      // It goes on where it was, and finds that what it writes is refused, or that an answer is overdue.
      const lost = (): number =>
        first.logged('CHANGELOG_TAKEN') + first.logged('CHANGELOG_UNCLEAR');
      await expect.poll(lost, { timeout: POLL_MS_MAX }).toBeGreaterThan(0);
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      await group.expectAll(second);
    },
    TIMEOUT_MS,
  );

  test(
    'processes that join and leave every 2 s for a minute lose nothing and double nothing',
    async () => {
      const group = await Group.start();
      const stable = group.member('stable');
      expect(await stable.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      const flapping: RunningMember[] = [];
      let sent: Promise<void> = Promise.resolve();
      for (let flap = 0; flap < FLAPS; flap += 1) {
        sent = sent.then(() => group.send(flap / FLAPS, (flap + 1) / FLAPS));
        // One joins in every other turn, and leaves some turns later: by a signal, or as a crash.
        if (flap % 2 === 0) flapping.push(group.member(`flapping-${flap % 8}`));
        else if (flap > 6) flapping[(flap - 7) / 2]?.signal(flap % 4 === 1 ? 'SIGTERM' : 'SIGKILL');
        await wait(FLAP_MS);
      }
      await sent;
      for (const member of flapping) member.signal('SIGKILL');
      await Promise.all(flapping.map(({ ended }) => ended));
      const taken = [stable, ...flapping].map((member) => member.logged('Partition taken'));
      expect(taken.filter((count) => count > 0).length).toBeGreaterThan(FLAPS / 6);
      expect(stable.logged('Partitions assigned')).toBeGreaterThan(FLAPS / 6);
      await group.expectAll(stable);
    },
    TIMEOUT_MS,
  );

  test(
    'while the broker is away processes wait, and afterwards nothing is missing or doubled',
    async () => {
      const group = await Group.start();
      const [first, second] = await group.pair();
      await group.send(0, 0.5);
      expect(await first.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      await group.broker.stop('SIGKILL');
      await expect
        .poll(() => first.logged('Kafka consumer was lost'), { timeout: POLL_MS_MAX })
        .toBeGreaterThan(1);
      await group.broker.resume();
      await group.send(0.5, 1);
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      await group.expectAll(second);
    },
    TIMEOUT_MS,
  );

  test(
    'while ClickHouse is away processes keep their rows, and afterwards nothing is missing or doubled',
    async () => {
      const group = await Group.start();
      const members = await group.pair();
      await group.send(0, 0.3);
      for (const member of members)
        expect(await member.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      await group.stopClickHouse();
      await group.send(0.3, 1);
      const isWaiting = ({ isSinkHealthy, pending }: MemberStatus): boolean =>
        !isSinkHealthy && pending > 0;
      for (const member of members) expect(await member.is(isWaiting)).toBe(true);
      await wait(AWAY_MS);
      for (const member of members) expect(isWaiting(member.status)).toBe(true);
      await group.resumeClickHouse();
      const [first, second] = members;
      // What it has not delivered in time goes to the other one, through the changelog.
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      await group.expectAll(second);
    },
    TIMEOUT_MS,
  );

  test(
    'a partition whose changelog does not verify is computed from the log again',
    async () => {
      // Without links: visitors that were merged with those of other partitions are all computed again, or none.
      const group = await Group.start(shopOf);
      const first = group.member('first');
      expect(await first.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      await group.send(0, 0.7);
      expect(await first.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      // A pair that no checkpoint has written, in all partitions but one.
      const damaged = [0, 1, 2];
      await produce(
        group.broker,
        'weir.changelog',
        damaged.map((partition) => ({ partition, key: `s/visitor-${partition}/x`, value: 'x' })),
      );
      const second = group.member('second');
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      expect(second.logged('"from":"unverified"')).toBe(damaged.length);
      expect(second.logged('"from":"changelog"')).toBe(PARTITIONS - damaged.length);
      await group.send(0.7, 1);
      await group.expectAll(second);
    },
    TIMEOUT_MS,
  );
});
