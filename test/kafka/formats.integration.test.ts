import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ConfigResourceTypes } from 'kafkajs';
import { describe, expect, test } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { differencesOf } from '../integration/audit.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { rowsOf } from '../integration/tables.ts';
import { type Broker, KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { withAdmin } from './records.ts';
import { RunningNode } from './running-node.ts';
import { brokerOf, click, createTopics, variables } from './scene.ts';

const TIMEOUT_MS = 180_000;
const [NEWEST] = KAFKA_VERSIONS;
const COMPRESSIONS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
/** Enough for a batch that is worth compressing. */
const CLICKS = 60;
const hasKcat = spawnSync('kcat', ['-V']).status === 0;
const skipped =
  whyNoBroker() ?? (hasKcat ? undefined : 'Tests with compression are skipped: kcat is missing');
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** Clicks with ids of their own, one a line. */
function writeClicks(directory: string, name: string): string {
  const file = join(directory, name);
  const lines = Array.from({ length: CLICKS }, (_, index) =>
    click({ event_id: `${name} ${index}`, visitor_id: `visitor ${index}` }),
  );
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

/** Appends the lines of a file by librdkafka, which compresses them. */
function kcat(broker: Broker, file: string, compression: string): void {
  const { status, stderr } = spawnSync(
    'kcat',
    [
      '-P',
      '-b',
      broker.address,
      '-t',
      'weir.clicks',
      '-l',
      file,
      '-z',
      compression,
      '-X',
      'linger.ms=100',
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`kcat failed: ${stderr}`);
}

/** From now on the broker compresses what comes, by the code that Java's producers use too. */
function compressInBroker(broker: Broker, compression: string): Promise<void> {
  return withAdmin(broker, async (admin) => {
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: erase<ConfigResourceTypes>(2),
          name: 'weir.clicks',
          configEntries: [{ name: 'compression.type', value: compression }],
        },
      ],
    });
  });
}

describe.skipIf(skipped !== undefined)('with a real broker', () => {
  test(
    'records that librdkafka or Java compressed in any way are read',
    async () => {
      const directory = temporaryDirectory();
      const broker = await brokerOf(NEWEST);
      const dataDir = join(directory, 'kafka');
      await createTopics(broker);
      for (const compression of COMPRESSIONS)
        kcat(broker, writeClicks(directory, `librdkafka ${compression}`), compression);
      for (const compression of COMPRESSIONS) {
        await compressInBroker(broker, compression);
        kcat(broker, writeClicks(directory, `Java ${compression}`), 'none');
      }
      const expected = 2 * COMPRESSIONS.length * CLICKS;
      const node = new RunningNode({ expected }, variables(broker, dataDir));
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        stderr: '',
        last: { contributed: expected, dead_lettered: 0 },
      });
      expect(await differencesOf(dataDir)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'a batch that unpacks to more than the limit becomes dead letters, and holds nothing up',
    async () => {
      const directory = temporaryDirectory();
      const broker = await brokerOf(NEWEST);
      const dataDir = join(directory, 'kafka');
      await createTopics(broker);
      const file = join(directory, 'bomb');
      writeFileSync(file, click({ url: 'x'.repeat(70 * 1_024 * 1_024) }));
      const { status, stderr } = spawnSync(
        'kcat',
        [
          '-P',
          '-b',
          broker.address,
          '-t',
          'weir.clicks',
          '-p',
          '0',
          '-z',
          'zstd',
          '-X',
          'message.max.bytes=100000000',
          file,
        ],
        { encoding: 'utf8' },
      );
      expect({ status, stderr }).toMatchObject({ status: 0 });
      kcat(broker, writeClicks(directory, 'after'), 'zstd');
      const node = new RunningNode({ expected: CLICKS + 1 }, variables(broker, dataDir));
      expect(await node.ended).toMatchObject({
        exitCode: 0,
        last: { contributed: CLICKS, dead_lettered: 1 },
      });
      expect(await rowsOf(dataDir, 'SELECT code FROM weir.dead_letters')).toEqual([
        { code: 'WIRE_BATCH_UNREADABLE' },
      ]);
    },
    TIMEOUT_MS,
  );
});
