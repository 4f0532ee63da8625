import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { have } from './tools.ts';

/** Where distributions have it. */
const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const found = PATHS.find((path) => existsSync(path));

/** Whether tests of pages can run. */
export function haveChromium(): boolean {
  return have('chromium', found !== undefined, 'Install it (apt-get install chromium) to run the tests of pages.');
}

/** A browser without a window. In containers, and for root, Chromium cannot make a sandbox of its own. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: found!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
