import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { EXIT } from '../../cli/exit-code.ts';
import { PROCESSOR_NAMES, type ProcessorName } from '../../schemas/processors.ts';
import { SECOND_MS } from '../../schemas/time.ts';
import { differencesOf } from '../integration/audit.ts';
import { startWeir } from '../integration/command-line.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { Group, PARTITIONS, ShopGroup } from './group.ts';
import { produce } from './records.ts';
import type { MemberStatus, RunningMember } from './running-member.ts';
import { click, shopOf, visitorOf } from './scene.ts';

const TIMEOUT_MS = 300_000;
/** Issue: another process takes over within this. */
const TAKEOVER_MS_MAX = 20_000;
/** How long a process stays frozen, and ClickHouse away: issue. Longer than any session and any transaction. */
const OUTAGE_MS = 60 * SECOND_MS;
const POLL_MS_MAX = 60_000;
const FLAP_MS = 2_000;
const FLAPS = 30;
/** Groups and transactions are other code in the newest line, so that each takes some of these tests. */
const [NEWEST, EARLIER] = KAFKA_VERSIONS;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** Waits until an outage that began at `beganAtMs` has lasted as long as it should. */
function outageSince(beganAtMs: number): Promise<void> {
  return wait(Math.max(0, beganAtMs + OUTAGE_MS - performance.now()));
}

/** A click in each partition, so that each has state. */
async function produceClicks({ broker }: Group): Promise<void> {
  const clicks = Array.from({ length: PARTITIONS }, (_, partition) =>
    click({ event_id: `click ${partition}`, visitor_id: visitorOf(partition) }),
  );
  await produce(
    broker,
    'weir.clicks',
    clicks.map((value) => ({ value })),
  );
}

function without(left: ProcessorName): string {
  return PROCESSOR_NAMES.filter((name) => name !== left).join(',');
}

/** What `weir processor` says as it ends because of its list of processors. */
async function refusedOf({ environment, directory }: Group, processors: string): Promise<string> {
  const { finished } = startWeir(['processor', '--data-dir', join(directory, 'refused')], {
    ...environment,
    WEIR_HTTP_PORT: '0',
    WEIR_PROCESSORS: processors,
  });
  const { exitCode, stderr } = await finished;
  expect([exitCode, stderr]).toEqual([EXIT.configuration, stderr]);
  expect(stderr).toContain('PROCESSORS_CHANGED');
  return stderr;
}

describe.skipIf(skipped !== undefined)('several processes with a real broker', () => {
  test(
    `Kafka ${NEWEST}: another process takes over what a killed one had, and nothing is missing or doubled, also in the topic of alerts`,
    async () => {
      const group = await ShopGroup.open({ version: NEWEST });
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
    `Kafka ${EARLIER}: what a process writes after it was frozen loses against the one that took over`,
    async () => {
      const group = await ShopGroup.open({ version: EARLIER });
      const [first, second] = await group.pair();
      const sent = group.send(0, 0.3);
      // In the middle of its work, so that it has something to write when it wakes.
      expect(await first.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      first.signal('SIGSTOP');
      const frozenAtMs = performance.now();
      await sent;
      await group.send(0.3, 0.6);
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      await outageSince(frozenAtMs);
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
    `Kafka ${NEWEST}: processes that join and leave every 2 s for a minute lose nothing and double nothing`,
    async () => {
      const group = await ShopGroup.open({ version: NEWEST });
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
    `Kafka ${EARLIER}: while the broker is away processes wait, and afterwards nothing is missing or doubled`,
    async () => {
      const group = await ShopGroup.open({ version: EARLIER });
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
    `Kafka ${NEWEST}: while ClickHouse is away processes keep their rows, and afterwards nothing is missing or doubled`,
    async () => {
      const group = await ShopGroup.open({ version: NEWEST });
      const members = await group.pair();
      await group.send(0, 0.3);
      for (const member of members)
        expect(await member.is(({ counts }) => (counts['received'] ?? 0) > 0)).toBe(true);
      await group.stopClickHouse();
      const goneAtMs = performance.now();
      await group.send(0.3, 1);
      const isWaiting = ({ isSinkHealthy, pending }: MemberStatus): boolean =>
        !isSinkHealthy && pending > 0;
      for (const member of members) expect(await member.is(isWaiting)).toBe(true);
      await outageSince(goneAtMs);
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
    `Kafka ${NEWEST}: a partition whose changelog does not verify is computed from the log again`,
    async () => {
      // Without links: visitors that were merged with those of other partitions are all computed again, or none.
      const group = await ShopGroup.open({ version: NEWEST, shopOf });
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

  test(
    `Kafka ${EARLIER}: one process after the other may leave a processor out, and what would need all events again is refused while the others go on`,
    async () => {
      const group = await Group.start(EARLIER);
      const full = group.member('full');
      const hasAll = ({ partitions }: MemberStatus): boolean => partitions.length === PARTITIONS;
      expect(await full.is(hasAll)).toBe(true);
      await produceClicks(group);
      expect(await full.is(({ counts }) => counts['contributed'] === PARTITIONS)).toBe(true);
      // Nobody would be judged any more, and the others have counted by the verdicts.
      expect(await refusedOf(group, without('bots'))).toContain('bots on');
      expect(await full.is(hasAll)).toBe(true);

      const fewer = group.member('fewer', { WEIR_PROCESSORS: without('parity') });
      expect(await fewer.is(({ partitions }) => partitions.length === PARTITIONS / 2)).toBe(true);
      full.signal('SIGTERM');
      expect(await full.ended).toMatchObject({ exitCode: 0 });
      expect(await fewer.is(hasAll)).toBe(true);
      expect(await refusedOf(group, PROCESSOR_NAMES.join(','))).toContain('parity off');
      expect(await fewer.is(hasAll)).toBe(true);

      const clicks = { partitions: PARTITIONS, contributed: PARTITIONS };
      expect(await fewer.hasAll(clicks)).toBe(true);
      fewer.signal('SIGTERM');
      expect(await fewer.ended).toMatchObject({ exitCode: 0 });
      await group.stopClickHouse();
      expect(await differencesOf(group.directory)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
