import { describe, expect, test } from 'vitest';

import { PANELS } from '../../processors/panels.ts';
import { erase } from '../../schemas/brand.ts';
import type { Row } from '../../schemas/panel.ts';
import type { IngestAnswer } from '../../schemas/ports.ts';
import { startWeir } from '../integration/command-line.ts';
import { whyNoBroker } from './broker.ts';
import { Group, PARTITIONS } from './group.ts';
import { LiveViewer } from './live-viewer.ts';
import type { SentEvent } from './records.ts';

const TIMEOUT_MS = 300_000;
const POLL = { timeout: 60_000, interval: 250 };
const EVENTS_PER_REQUEST = 50;
const VIEWERS = 4;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

/** A running `weir api`. */
interface ApiNode {
  readonly url: string;
  stop(): Promise<unknown>;
}

async function startApi(group: Group): Promise<ApiNode> {
  const { child, finished } = startWeir(['api'], { ...group.environment, WEIR_HTTP_PORT: '0' });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stdout?.on('data', (text: string) => {
    const address = /Weir is at (\S+)/.exec(text)?.[1];
    if (address !== undefined) resolve(address);
  });
  void finished.then(({ stderr }) => reject(new Error(`weir api ended: ${stderr}`)));
  const url = await promise;
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      expect(await finished).toMatchObject({ exitCode: 0 });
    },
  };
}

/** As a sender does: what was not acknowledged is sent again, to another node. */
async function send(events: readonly SentEvent[], urls: () => readonly string[]): Promise<void> {
  const byType = Map.groupBy(events, ({ type }) => type);
  let turn = 0;
  for (const [type, some] of byType) {
    for (let at = 0; at < some.length; at += EVENTS_PER_REQUEST) {
      const body = JSON.stringify(
        some.slice(at, at + EVENTS_PER_REQUEST).map(({ event }) => event),
      );
      for (;;) {
        const known = urls();
        turn += 1;
        const answer = await fetch(`${known[turn % known.length]}/v1/events/${type}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        }).catch(() => undefined);
        if (answer?.status !== 202) continue;
        expect(erase<IngestAnswer>(await answer.json()).rejected).toEqual([]);
        break;
      }
    }
  }
}

/** The rows of a path by the values of `key`, all pages; without what depends on the moment. */
async function rowsOf(url: string, path: string, key: readonly string[]) {
  const rows = new Map<string, Row>();
  let cursor: string | null = null;
  do {
    const page: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await fetch(`${url}/v1/${path}${page}`);
    const body = erase<{ readonly rows: readonly Row[]; readonly next_cursor?: string | null }>(
      await answer.json(),
    );
    for (const row of body.rows) rows.set(key.map((name) => String(row[name])).join('|'), row);
    cursor = body.next_cursor ?? null;
  } while (cursor !== null);
  return rows;
}

function shown(rows: ReadonlyMap<string, Row>, columns: readonly string[]) {
  return Object.fromEntries(
    [...rows]
      .map(([key, row]) => [key, columns.map((column) => row[column] ?? null)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe.skipIf(skipped !== undefined)('several api nodes with a real broker', () => {
  test(
    'every viewer of every node sees what ClickHouse holds, across a rolling restart and a takeover',
    async () => {
      const group = await Group.start();
      const [first, second] = await group.pair();
      let nodes: readonly ApiNode[] = await Promise.all([startApi(group), startApi(group)]);
      const urls = (): readonly string[] => nodes.map(({ url }) => url);
      const panel = PANELS.find(({ topic }) => topic === 'channels');
      const key = panel?.live.key ?? [];
      const viewers = Array.from(
        { length: VIEWERS },
        (_, index) => new LiveViewer({ urls, topic: 'channels', key, first: index }),
      );
      const { events } = group.shop;
      const share = Math.ceil(events.length / 4);
      const part = (index: number): Promise<void> =>
        send(events.slice(index * share, (index + 1) * share), urls);
      await part(0);
      // Each node stops and another starts, while the rest serves.
      for (const index of [0, 1]) {
        const old = nodes[index];
        nodes = nodes.filter((node) => node !== old);
        const sent = part(index + 1);
        await old?.stop();
        nodes = [...nodes.slice(0, index), await startApi(group), ...nodes.slice(index)];
        await sent;
      }
      first.signal('SIGKILL');
      await part(3);
      const contributed = group.shop.count;
      expect(await second.hasAll({ partitions: PARTITIONS, contributed })).toBe(true);
      const columns = (panel?.query.columns ?? []).filter((column) => column !== 'state');
      const [url = ''] = urls();
      const stored = shown(await rowsOf(url, 'channels?grain=minute&limit=1000', key), columns);
      expect(Object.keys(stored).length).toBeGreaterThan(5);
      for (const viewer of viewers) {
        await expect.poll(() => shown(viewer.rows, columns), POLL).toEqual(stored);
        expect(viewer.gaps).toBe(0);
        // It was on two nodes at least, and none took it for one of its own viewers.
        expect(viewer.firsts.length).toBeGreaterThan(1);
        expect(new Set(viewer.firsts)).toEqual(new Set(['snapshot']));
      }
      for (const viewer of viewers) viewer.close();
      await Promise.all(nodes.map((node) => node.stop()));
      second.signal('SIGTERM');
      expect(await second.ended).toMatchObject({ exitCode: 0 });
      await group.expectTables();
    },
    TIMEOUT_MS,
  );
});
