import { describe, expect, test } from 'vitest';

import type { BotsAnswer } from '../../api/bots-answer.ts';
import { VERDICTS_PANEL } from '../../processors/bots/panel.ts';
import { erase } from '../../schemas/brand.ts';
import { differencesOf } from '../integration/audit.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { Group, PARTITIONS } from './group.ts';
import { LiveViewer } from './live-viewer.ts';
import { produce } from './records.ts';
import { type RunningApi, startApi } from './running-api.ts';
import { click, visitorOf } from './scene.ts';

const TIMEOUT_MS = 300_000;
const POLL = { timeout: 60_000, interval: 250 };
const [, EARLIER] = KAFKA_VERSIONS;
const CRAWLER = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const CLICKS_OF_EACH = 3;
/** Clicks of crawlers in a round; a person's comes besides. */
const CRAWLED = PARTITIONS * CLICKS_OF_EACH;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** Appends clicks of one crawler in each partition, and of one person. */
function crawl(group: Group, round: string): Promise<void> {
  const visitors = Array.from({ length: PARTITIONS }, (_, partition) => visitorOf(partition));
  const clicks = visitors.flatMap((visitor_id) =>
    Array.from({ length: CLICKS_OF_EACH }, (_, index) =>
      click({ event_id: `${round} ${visitor_id} ${index}`, visitor_id, user_agent: CRAWLER }),
    ),
  );
  const person = click({ event_id: `${round} person`, visitor_id: 'a person' });
  return produce(
    group.broker,
    'weir.clicks',
    [...clicks, person].map((value) => ({ value })),
  );
}

/** Two api nodes, and a page at each that watches verdicts. */
class Watched {
  readonly nodes: readonly [RunningApi, RunningApi];
  readonly #viewers: readonly LiveViewer[];

  private constructor(nodes: readonly [RunningApi, RunningApi]) {
    this.nodes = nodes;
    const { key } = VERDICTS_PANEL.live;
    this.#viewers = nodes.map(
      ({ url }) => new LiveViewer({ urls: () => [url], topic: 'verdicts', key, first: 0 }),
    );
  }

  static async start({ environment }: Group): Promise<Watched> {
    return new Watched(await Promise.all([startApi(environment), startApi(environment)]));
  }

  /** Both pages say this of all crawlers, and both nodes count so many clicks, with and without machines'. */
  async expect(state: string, clicks: { gross: number; net: number }): Promise<void> {
    const states = (): unknown =>
      this.#viewers.map(({ rows }) => [...rows.values()].map((row) => row['to_state']));
    const all = Array.from({ length: PARTITIONS }, () => state);
    await expect.poll(states, POLL).toEqual([all, all]);
    const counted = (): Promise<unknown> => Promise.all(this.nodes.map(clicksOf));
    await expect.poll(counted, POLL).toEqual([clicks, clicks]);
  }

  /** A person at this node decides about every crawler. */
  async decide({ url }: RunningApi, decision: 'clear' | 'confirm'): Promise<void> {
    for (const visitor of this.#viewers[0]?.rows.keys() ?? []) {
      const path = `${url}/v1/bots/${visitor}/${decision}`;
      expect((await fetch(path, { method: 'POST' })).status).toBe(202);
    }
  }

  async stop(): Promise<void> {
    for (const viewer of this.#viewers) viewer.close();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

async function clicksOf(node: RunningApi): Promise<{ gross: number; net: number }> {
  const day = { from: '2025-11-20', to: '2025-11-21' };
  const path = `bots?${String(new URLSearchParams(day))}`;
  const { total } = erase<BotsAnswer>(await node.get(path));
  return { gross: total.clicks_gross, net: total.clicks_net };
}

describe.skipIf(skipped !== undefined)('verdicts on visitors with a real broker', () => {
  test(
    `Kafka ${EARLIER}: what a person says at one node reaches the pages of all, and holds for the process that takes the visitor over`,
    async () => {
      const group = await Group.start(EARLIER);
      const [first, second] = await group.pair();
      const watched = await Watched.start(group);
      const [one, other] = watched.nodes;
      await crawl(group, 'before');
      await watched.expect('bot', { gross: CRAWLED + 1, net: 1 });
      await watched.decide(one, 'clear');
      await watched.expect('cleared', { gross: CRAWLED + 1, net: CRAWLED + 1 });
      first.signal('SIGKILL');
      expect(await second.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
      // Crawlers of both halves: those of one half it has never judged.
      await crawl(group, 'after');
      await watched.expect('cleared', { gross: 2 * CRAWLED + 2, net: 2 * CRAWLED + 2 });
      await watched.decide(other, 'confirm');
      await watched.expect('bot', { gross: 2 * CRAWLED + 2, net: 2 });
      await watched.stop();
      expect(await second.is(({ lag, pending }) => lag === 0 && pending === 0)).toBe(true);
      second.signal('SIGTERM');
      expect(await second.ended).toMatchObject({ exitCode: 0 });
      await group.stopClickHouse();
      expect(await differencesOf(group.directory)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
