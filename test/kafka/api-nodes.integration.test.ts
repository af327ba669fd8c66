import { isDeepStrictEqual } from 'node:util';

import type { Browser } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';

import { PANELS } from '../../processors/panels.ts';
import { CHANNELS_PANEL } from '../../processors/traffic/panel.ts';
import { erase } from '../../schemas/brand.ts';
import type { Row } from '../../schemas/panel.ts';
import type { IngestAnswer } from '../../schemas/ports.ts';
import { CHROMIUM_PATH, launchChromium } from '../browser/chromium.ts';
import { resultColumns } from '../integration/tables.ts';
import { KAFKA_VERSIONS, whyNoBroker } from './broker.ts';
import { PARTITIONS, ShopGroup } from './group.ts';
import { type ShownPage, openLivePage, shownOn } from './live-page.ts';
import { LiveViewer } from './live-viewer.ts';
import { type SentEvent, produceAvro, produceJson } from './records.ts';
import { type RunningApi, startApi } from './running-api.ts';

const TIMEOUT_MS = 300_000;
const POLL = { timeout: 60_000, interval: 250 };
const EVENTS_PER_REQUEST = 50;
const VIEWERS = 4;
const [NEWEST] = KAFKA_VERSIONS;
const skipped = whyNoBroker();
if (skipped !== undefined) process.stdout.write(`${skipped}\n`);

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

function shown(rows: Iterable<Row>, key: readonly string[], columns: readonly string[]) {
  return Object.fromEntries(
    [...rows]
      .map((row) => [keyOf(row, key), columns.map((column) => row[column] ?? null)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function keyOf(row: Row, key: readonly string[]): string {
  return key.map((name) => String(row[name])).join('|');
}

/** Every row of every panel and grain as the api answers it, by view, without what depends on the moment. */
async function answersOf(api: RunningApi): Promise<Readonly<Record<string, readonly string[]>>> {
  const answers: Record<string, readonly string[]> = {};
  for (const { path, live, query } of PANELS) {
    if (path === undefined) continue;
    for (const [grain, view] of Object.entries(query.views)) {
      const columns = resultColumns(view.replace('weir.', ''), query.columns);
      if (columns.length === 0) continue;
      const rows = await api.rows(path, grain === 'all' ? {} : { grain });
      answers[view] = rows
        // A row of zeros says what no row says.
        .filter((row) => live.sums.length === 0 || live.sums.some((sum) => row[sum] !== 0))
        .map((row) => JSON.stringify(columns.map((column) => row[column] ?? null)))
        .toSorted();
    }
  }
  return answers;
}

/** Page and api say what those of embedded mode say of the same events. */
async function expectSameAnswers(group: ShopGroup, nodes: readonly RunningApi[]): Promise<void> {
  const embedded = await startApi({ WEIR_DATA_DIR: group.shop.embeddedDir }, 'start');
  const expected = await answersOf(embedded);
  expect(expected['weir.stock_current']?.length).toBeGreaterThan(5);
  for (const node of nodes) expect(await answersOf(node)).toEqual(expected);
  if (CHROMIUM_PATH === undefined) process.stdout.write('No Chromium: the page is not looked at\n');
  else {
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    await expectSamePages(browser, embedded, nodes);
    await browser.close();
  }
  await embedded.stop();
}

async function expectSamePages(
  browser: Browser,
  embedded: RunningApi,
  nodes: readonly RunningApi[],
): Promise<void> {
  const model = await openLivePage(browser, embedded.url);
  for (const { url } of nodes) {
    const page = await openLivePage(browser, url);
    // Topics come one after the other, here and there.
    const differing = async (): Promise<readonly ShownPage[]> => {
      const [expected, told] = [await shownOn(model), await shownOn(page)];
      return isDeepStrictEqual(told, expected) ? [] : [expected, told];
    };
    await expect.poll(differing, POLL).toEqual([]);
  }
  expect((await shownOn(model)).channels.length).toBeGreaterThan(5);
}

describe.skipIf(skipped !== undefined)('several api nodes with a real broker', () => {
  test(
    `Kafka ${NEWEST}: every viewer of every node sees what ClickHouse holds, across a rolling restart and a takeover, and page and api are those of embedded mode`,
    async () => {
      const group = await ShopGroup.open({ version: NEWEST });
      const [first, second] = await group.pair();
      const { environment } = group;
      let nodes: readonly RunningApi[] = await Promise.all([
        startApi(environment),
        startApi(environment),
      ]);
      const urls = (): readonly string[] => nodes.map(({ url }) => url);
      const { key } = CHANNELS_PANEL.live;
      const viewers = Array.from(
        { length: VIEWERS },
        (_, index) => new LiveViewer({ urls, topic: 'channels', key, first: index }),
      );
      const { events } = group.shop;
      const share = Math.ceil(events.length / 4);
      const part = (index: number) => events.slice(index * share, (index + 1) * share);
      await send(part(0), urls);
      // Each node stops and another starts, while the rest serves.
      for (const index of [0, 1]) {
        const old = nodes[index];
        nodes = nodes.filter((node) => node !== old);
        const sent = send(part(index + 1), urls);
        await old?.stop();
        nodes = [...nodes.slice(0, index), await startApi(environment), ...nodes.slice(index)];
        await sent;
      }
      first.signal('SIGKILL');
      // The rest comes from other programs.
      await produceJson(
        group.broker,
        part(3).filter((_, index) => index % 2 === 0),
        group.directory,
      );
      await produceAvro(
        group.broker,
        part(3).filter((_, index) => index % 2 === 1),
        group.directory,
      );
      const contributed = group.shop.count;
      expect(await second.hasAll({ partitions: PARTITIONS, contributed })).toBe(true);
      const columns = CHANNELS_PANEL.query.columns.filter((column) => column !== 'state');
      const rows = await nodes[0]?.rows('channels', { grain: 'minute' });
      const stored = shown(rows ?? [], key, columns);
      expect(Object.keys(stored).length).toBeGreaterThan(5);
      for (const viewer of viewers) {
        await expect.poll(() => shown(viewer.rows.values(), key, columns), POLL).toEqual(stored);
        expect(viewer.gaps).toBe(0);
        // It was on two nodes at least, and none took it for one of its own viewers.
        expect(viewer.firsts.length).toBeGreaterThan(1);
        expect(new Set(viewer.firsts)).toEqual(new Set(['snapshot']));
      }
      for (const viewer of viewers) viewer.close();
      await expectSameAnswers(group, nodes);
      await Promise.all(nodes.map((node) => node.stop()));
      second.signal('SIGTERM');
      expect(await second.ended).toMatchObject({ exitCode: 0 });
      await group.expectTables();
    },
    TIMEOUT_MS,
  );
});
