import { existsSync } from 'node:fs';

import { type Browser, chromium } from 'playwright-core';

/** Where a Chromium may be; `WEIR_CHROMIUM` names another one. */
const CHROMIUM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine; undefined when there is none, and browser tests are skipped. */
export const CHROMIUM_PATH = [process.env['WEIR_CHROMIUM'] ?? '', ...CHROMIUM_PATHS].find(
  (path) => path !== '' && existsSync(path),
);

/** Starts Chromium without a window and without its own connections to the outside. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM_PATH === undefined ? {} : { executablePath: CHROMIUM_PATH }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
