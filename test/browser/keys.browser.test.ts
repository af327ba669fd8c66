import { expect, onTestFinished, test } from 'vitest';

import { buildPage } from '../../dashboards/live/build.ts';
import { PANELS } from '../../processors/panels.ts';
import { openTestKeys } from '../doubles/api-keys.ts';
import { openServer } from '../doubles/api-server.ts';
import { CHROMIUM_PATH, launchChromium } from './chromium.ts';

test.skipIf(CHROMIUM_PATH === undefined)(
  'a browser asks for a key, and the page and its WebSocket then send it along',
  async () => {
    const { outDir } = await buildPage();
    const { guard, clock, keys } = openTestKeys();
    const { app } = openServer({
      guard,
      clock,
      panels: PANELS,
      pageDir: outDir,
      access: { hostNames: 'any' },
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const address = app.server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
    const browser = await launchChromium();
    onTestFinished(async () => {
      await browser.close();
      await app.close();
    });

    // Without a window nobody can answer the question, and Chromium says that it was asked.
    const stranger = await browser.newPage();
    await expect(stranger.goto(url)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');

    const login = { username: 'anyone', password: keys.read };
    const context = await browser.newContext({ httpCredentials: login });
    const page = await context.newPage();
    const frames: string[] = [];
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => frames.push(String(payload)));
    });
    expect((await page.goto(url))?.status()).toBe(200);
    await expect.poll(() => frames.join('\n')).toContain('"type":"snapshot"');
  },
);
