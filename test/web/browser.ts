/** A real browser on the built page, and a record of everything that the page must never do. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const chromiumPath = '/usr/bin/chromium';

const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a busy machine may take for what is usually there at once. */
export const patienceMs = 30_000;

/**
 * Builds the page into a folder of its own, so that no test depends on what was built before. Returns the folder, which
 * the caller removes.
 */
export async function buildPage(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'whotalks-web-'));
  const configFile = fileURLToPath(new URL('../../vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  return outDir;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
}

export interface WatchedPage {
  readonly page: Page;
  /** Violations of the security policy, uncaught errors and dialogs, in words. */
  readonly faults: string[];
  /** Every address that the page asked for. */
  readonly requests: string[];
}

interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly initScript?: string;
}

/** Opens `address` in a page without history or cache. The caller closes it. */
export async function openPage(
  browser: Browser,
  address: string,
  options: OpenOptions = {},
): Promise<WatchedPage> {
  const viewport = { width: options.width ?? 1280, height: options.height ?? 800 };
  const page = await browser.newPage({ viewport, timezoneId: 'UTC' });
  page.setDefaultTimeout(patienceMs);
  const faults: string[] = [];
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) faults.push(`policy: ${message.text()}`);
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (options.initScript !== undefined) await page.addInitScript(options.initScript);
  await page.goto(address);
  return { page, faults, requests };
}
