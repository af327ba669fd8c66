import type { Browser, Page } from 'playwright-core';

/** What a person reads on the page of channels, stock and events, cell by cell. */
export interface ShownPage {
  readonly channels: readonly (readonly string[])[];
  readonly stock: readonly (readonly string[])[];
  /** How many places are in each state. */
  readonly stockCounts: string;
  readonly contributed: string;
}

/** Opens the page of a running Weir that has sales, and places where something is sold out. */
export async function openLivePage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ locale: 'en-US' });
  await page.goto(url);
  await page.locator('[data-connection]').waitFor();
  for (const table of ['channels', 'stock']) await page.locator(`[data-table=${table}]`).waitFor();
  return page;
}

/** What it shows at this moment, without how long ago things happened. */
export async function shownOn(page: Page): Promise<ShownPage> {
  return {
    channels: await cellsOf(page, 'channels'),
    stock: await cellsOf(page, 'stock'),
    stockCounts: await page.locator('#stock-title + p').innerText(),
    contributed: await page.locator('.balance .amount').first().innerText(),
  };
}

async function cellsOf(page: Page, table: string): Promise<readonly (readonly string[])[]> {
  const rows = await page.locator(`[data-table=${table}] tr`).all();
  return Promise.all(
    rows.map((row) => row.locator('th, td:not([data-label=Since])').allInnerTexts()),
  );
}
