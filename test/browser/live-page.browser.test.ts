import { readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { buildPage } from '../../dashboards/live/build.ts';
import { HOUR_MS, SECOND_MS } from '../../schemas/time.ts';
import { CHROMIUM_PATH, launchChromium } from './chromium.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';
import { STORED_HOUR, ScriptedShop } from './scripted-shop.ts';

/**
 * `WEIR_PAGE_URL` runs the tests that need no scripted shop against any running Weir with events
 * flowing; without it, a small server here speaks the protocol.
 */
const OTHER_URL = process.env['WEIR_PAGE_URL'];
const PORT = 18_120;
const DIST_DIR = '/tmp/page/browser-test-dist';
const WIDE = { width: 1280, height: 900 } as const;
const NARROW = { width: 390, height: 844 } as const;

let browser: Browser | undefined;
let shop: ScriptedShop;
let server: ScriptedServer | undefined;
let complaints: string[] = [];

beforeAll(async () => {
  if (CHROMIUM_PATH === undefined) return;
  await buildPage({ outDir: DIST_DIR });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await rm(DIST_DIR, { recursive: true, force: true });
});

beforeEach(() => {
  complaints = [];
  shop = new ScriptedShop(Date.UTC(2026, 10, 21, 20, 45, 20));
});

afterEach(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await server?.close();
  server = undefined;
});

async function serve(options: { isStill?: boolean; refusesWebSocket?: boolean } = {}) {
  server = await startScriptedServer({ port: PORT, distDir: DIST_DIR, shop, ...options });
  return server;
}

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  if (OTHER_URL === undefined && server === undefined) await serve();
  if (browser === undefined) throw new Error('No Chromium is running');
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-US', ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(OTHER_URL ?? server?.url ?? '');
  await page.locator('.tile').first().waitFor();
  return page;
}

async function number(page: Page, selector: string): Promise<number> {
  const text = (await page.locator(selector).first().textContent()) ?? '';
  return Number(text.replaceAll(/[^\d.]/g, ''));
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  await expect.poll(condition, { timeout: 15 * SECOND_MS, message: what }).toBe(true);
}

// Without a browser nothing can be said about the page; `apt-get install chromium` brings one.
describe.skipIf(CHROMIUM_PATH === undefined)('the page before any server', () => {
  test('numbers change without a reload, and the page breaks no rule of its content policy', async () => {
    const page = await openPage();
    await until(async () => (await page.locator('[data-connection=live]').count()) === 1, 'live');
    const before = await number(page, '[data-figure=received]');
    expect(before).toBeGreaterThan(0);
    await until(async () => (await number(page, '[data-figure=received]')) > before, 'events grow');
    expect(await page.locator('canvas').count()).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  test('another attribution model shows other credit and names its rule', async () => {
    const page = await openPage();
    await page.locator('.credit tbody tr').first().waitFor();
    for (const model of ['First', 'Shapley', 'Last']) {
      await page.getByLabel(model, { exact: true }).check({ force: true });
      await page
        .locator(`[data-model=${model.toLowerCase()}] .credit:not(.loading) tbody tr`)
        .first()
        .waitFor();
    }
    const differences = await page.locator('.credit tbody td:last-child').allTextContents();
    expect(differences.map((text) => Number(text.replaceAll(/[^\d]/g, '')))).toEqual(
      differences.map(() => 0),
    );
    expect(await page.getByText('All credit to the last touch.').count()).toBe(1);
  });

  test('a test of a channel shows its verdict, its interval over time, and why it is void', async () => {
    const page = await openPage();
    const card = page.locator('[data-test=search-1]');
    await card.getByText('winning').waitFor();
    expect(await card.locator('.lift-point').textContent()).toBe('+66.7% +37.1% … +110.9%');
    expect(await card.locator('.lift-band polygon').count()).toBe(1);
    expect(await card.getByText('RANDOMISED').count()).toBe(1);
    expect(await card.getByText('37 left out').count()).toBe(1);
    expect(await page.locator('[data-test=email-1] .problem').textContent()).toContain(
      'sample ratio mismatch',
    );
  });

  test('a comparison without a holdout says by which method, and that it is not incremental', async () => {
    const page = await openPage();
    const card = page.locator('[data-comparison=radio-cluj]');
    await card.getByText('GEO_DID').waitFor();
    expect(await card.locator('.lift-point').textContent()).toBe('+29.4% +19.3% … +41.4%');
    expect(await card.getByText('not incremental').count()).toBe(1);
  });

  test('models of whole paths show their credit and the steps between channels', async () => {
    const page = await openPage();
    await page.locator('[data-label=Markov]').click();
    const table = page.locator('[data-path-model=markov]');
    await table.waitFor();
    expect(await table.locator('tbody tr').allTextContents()).toEqual(['B13.857.5%', 'A10.242.5%']);
    expect(await page.locator('.path-graph path').count()).toBe(4);
    expect(await page.getByText('24 paths converted, 76 did not; 7 may still do.').count()).toBe(1);
    await page.locator('[data-label=Linear]').click();
    await page.locator('[data-model=linear] .credit').first().waitFor();
  });

  test('a channel shows what it costs by credit and by increment, side by side', async () => {
    const page = await openPage();
    const card = page.locator('[data-marketing=search]');
    await card.getByText('€250.00, €333.30').waitFor();
    expect(await card.getByText('3 (2.1 … 3.9)').count()).toBe(1);
    await card.getByText('70.0% (64.6% … 74.9%)').waitFor();
    const segment = page.locator('[data-segment=high-intent]');
    await segment.getByText('40.0% (35.8% … 44.4%)').waitFor();
    const carts = await page.locator('[data-carts]').textContent();
    expect(carts).toContain('cheaper on another channel80.0%');
    const sold = await page.locator('[data-sales=dtc]').textContent();
    expect(sold).toContain('42.0%, +2 points');
  });

  test('at 390 pixels nothing scrolls sideways and every number is on the page', async () => {
    const page = await openPage({ viewport: NARROW });
    await page.locator('.credit tbody tr').first().waitFor();
    expect(Number(await page.evaluate('document.documentElement.scrollWidth'))).toBe(NARROW.width);
    const cut = await page.evaluate(`[...document.querySelectorAll('.panel *, .tile *')]
      .filter((element) => !element.closest('.unseen, .cards thead'))
      .filter((element) => element.getBoundingClientRect().right >
        element.closest('.panel, .tile').getBoundingClientRect().right)
      .map((element) => element.outerHTML.slice(0, 90))`);
    expect(cut).toEqual([]);
  });

  test('between phone and desk the table scrolls in its panel, never the page', async () => {
    const page = await openPage({ viewport: { width: 800, height: 900 } });
    expect(Number(await page.evaluate('document.documentElement.scrollWidth'))).toBe(800);
    expect(await page.locator('.panel.flush').getAttribute('tabindex')).toBe('0');
  });

  test('the colours follow the scheme of the reader', async () => {
    const backgrounds: unknown[] = [];
    const page = await openPage({ colorScheme: 'light' });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      backgrounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    }
    expect(backgrounds).toEqual(['rgb(243, 245, 246)', 'rgb(14, 19, 23)']);
  });

  test('the attribution model is switched by keyboard alone', async () => {
    const page = await openPage();
    await page.locator('.credit tbody tr').first().waitFor();
    await page.getByLabel('Linear').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('[data-model=position]').waitFor();
    expect(await page.evaluate('document.activeElement.value')).toBe('position');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of [WIDE, NARROW]) {
      test(`axe finds nothing serious at ${viewport.width} pixels in ${colorScheme}`, async () => {
        const page = await openPage({ viewport, colorScheme, reducedMotion: 'reduce' });
        await page.locator('.credit tbody tr').first().waitFor();
        const axe = await readFile(
          createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
          'utf8',
        );
        await page.evaluate(axe);
        const found = await page.evaluate(`axe.run(document).then(({ violations }) => violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`);
        expect(found).toEqual([]);
      });
    }
  }
});

describe.skipIf(CHROMIUM_PATH === undefined || OTHER_URL !== undefined)(
  'the page before the scripted shop',
  () => {
    test('an order appears in its tile, its channel row and its credit', async () => {
      await serve({ isStill: true });
      const page = await openPage();
      const tile = '[data-channel=retail] [data-figure=orders]';
      const before = await number(page, tile);
      const revenue = await number(page, '[data-channel=retail] [data-figure=revenue]');
      const bars = await number(page, '.credit caption');
      shop.order('retail', 'GBP', 1_999);
      shop.order('retail', 'EUR', 100_00);
      await until(async () => (await number(page, tile)) === before + 2, 'two more orders');
      const amounts = await page
        .locator('.tile[data-channel=retail] .headline .line')
        .allTextContents();
      expect(amounts).toContain('€100.00');
      expect(amounts.map((text) => Number(text.replaceAll(/[^\d.]/g, '')))).toContainEqual(
        expect.closeTo(revenue + 19.99, 6),
      );
      await until(async () => (await number(page, '.credit caption')) !== bars, 'credit moves');
    });

    test('clicks withdrawn as bots are shown as withdrawn', async () => {
      await serve({ isStill: true });
      const page = await openPage();
      const net = '.tile[data-channel=dtc] [data-figure=clicks_net]';
      const before = await number(page, net);
      shop.withdrawClicks('dtc', 7);
      await until(async () => (await number(page, net)) === before - 7, 'net clicks fall');
      expect(await page.locator('.tile[data-channel=dtc] .withdrawn').textContent()).toContain(
        '7 clicks',
      );
    });

    test('today adds the stored hours before the live view, once', async () => {
      await serve({ isStill: true });
      const page = await openPage();
      const tile = '.tile[data-channel=amazon] [data-figure=orders]';
      const inRow = (column: string) => Number(column);
      const liveFrom = Date.UTC(2026, 10, 21, 18);
      const liveOrders = shop
        .rowsOf('channels')
        .filter(
          (row) => row['channel'] === 'amazon' && inRow(String(row['window_start'])) >= liveFrom,
        )
        .reduce((sum, row) => sum + Number(row['orders']), 0);
      await page.getByLabel('Today').check({ force: true });
      const storedHours = (liveFrom - Date.UTC(2026, 10, 21)) / HOUR_MS;
      const expected = storedHours * STORED_HOUR.orders + liveOrders;
      await until(async () => (await number(page, tile)) === expected, `${expected} orders today`);
    });

    test('acknowledging posts once and the incident says who has it', async () => {
      const { acknowledged } = await serve();
      const page = await openPage();
      shop.openIncident('out-new', 'teapot-9');
      const incident = page.locator('[data-alert=out-new]');
      await incident.getByRole('button', { name: 'Acknowledge' }).click();
      await until(
        async () => (await incident.getAttribute('data-phase')) === 'acknowledged',
        'taken over',
      );
      expect(await incident.textContent()).toContain('by you');
      expect(acknowledged).toEqual(['out-new']);
    });

    test('a storm of incidents is a digest by kind and node above the newest of them', async () => {
      await serve();
      const page = await openPage();
      for (let index = 0; index < 300; index += 1) {
        shop.openIncident(`storm-${index}`, `SKU-${index}`);
      }
      const group = page.locator('[data-digest="stock_out berlin"]');
      await until(async () => (await group.textContent())?.startsWith('30') === true, 'counted');
      const shownCount = await page.locator('[data-phase=open], [data-phase=acknowledged]').count();
      expect(shownCount).toBe(8);
      await page.getByRole('button', { name: 'Show only stock out at berlin' }).click();
      await until(
        async () => (await page.locator('.incident').count()) === 20,
        'those of the group alone',
      );
      expect(await page.locator('[data-alert^=storm-]').count()).toBe(20);
    });

    test('a full node says what to move where', async () => {
      await serve();
      const page = await openPage();
      const row = page.locator('[data-table=capacity] tbody tr');
      await until(async () => (await row.count()) === 1, 'the node is listed');
      expect(await row.textContent()).toContain('70 to hamburg');
    });

    test('a stopped server is told with its time, and a restarted one is resumed from', async () => {
      const first = await serve();
      const page = await openPage();
      await until(async () => (await page.locator('[data-connection=live]').count()) === 1, 'live');
      await first.close();
      await page
        .getByText(/Disconnected since \d\d:\d\d:\d\d UTC/)
        .first()
        .waitFor();
      const missed = (await number(page, '.tile[data-channel=retail] [data-figure=orders]')) + 1;
      shop.order('retail', 'GBP', 1_999);
      const second = await serve({ isStill: true });
      await page.getByRole('button', { name: 'Try now' }).click();
      await until(
        async () => (await page.locator('[data-connection=live]').count()) === 1,
        'live again',
      );
      await until(
        async () =>
          (await number(page, '.tile[data-channel=retail] [data-figure=orders]')) === missed,
        'the missed order',
      );
      expect(await page.getByText(/Disconnected since/).count()).toBe(0);
      const asked = second.subscriptions.filter(({ topic }) => topic === 'channels');
      expect(asked.map(({ resumeFrom }) => resumeFrom)).toEqual([expect.any(Number)]);
    });

    test('where no WebSocket passes, the same numbers come as server-sent events', async () => {
      await serve({ refusesWebSocket: true });
      const page = await openPage();
      await page.getByText('by events').waitFor();
      const before = await number(page, '[data-figure=received]');
      await until(
        async () => (await number(page, '[data-figure=received]')) > before,
        'events grow',
      );
    });

    test('events that are counted while nothing moves are called stale', async () => {
      await serve({ isStill: true });
      const page = await openPage();
      const timer = setInterval(() => shop.countWithoutChange(), 200);
      try {
        await page.getByText(/numbers have not moved since/).waitFor({ timeout: 25 * SECOND_MS });
      } finally {
        clearInterval(timer);
      }
      expect(await page.locator('[data-connection=stale]').count()).toBe(1);
    });

    test('an empty shop says what to do', async () => {
      await serve({ isStill: true });
      if (browser === undefined) throw new Error('No Chromium is running');
      shop.empty();
      const page = await browser.newPage({ viewport: NARROW });
      await page.goto(server?.url ?? '');
      await page.getByText('npx weir demo').waitFor();
      expect(await page.getByText('/v1/events/order').count()).toBeGreaterThan(0);
      expect(Number(await page.evaluate('document.documentElement.scrollWidth'))).toBe(
        NARROW.width,
      );
    });
  },
);
