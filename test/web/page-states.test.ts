/** The page when something is missing, wrong, hostile or too large: each such state is designed, and none breaks it. */
import { rm } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { visibleText } from '../../web/words/visible.ts';
import { buildPage, launchBrowser, openPage, patienceMs, type WatchedPage } from './browser.ts';
import { host } from './documents.ts';
import { emptyFleet, foundingFleet, hostileFleet, hostileNames, largeFleet } from './fleets.ts';
import { type StubServer, startStubServer } from './stub-server.ts';

const query = '?q=10.1.100.9%3A8743';
const withoutWebgl = `HTMLCanvasElement.prototype.getContext = ((original) => function (kind, ...rest) {
  return kind.startsWith('webgl') ? null : original.call(this, kind, ...rest);
})(HTMLCanvasElement.prototype.getContext);`;

describe('the page when not all is well', { timeout: 2 * patienceMs }, () => {
  let browser: Browser;
  let root: string;
  let stub: StubServer;
  let open: WatchedPage;

  beforeAll(async () => {
    [root, browser] = await Promise.all([buildPage(), launchBrowser()]);
  }, 2 * patienceMs);
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    stub = await startStubServer(root, foundingFleet());
  });
  afterEach(async () => {
    await open.page.close();
    await stub.vanish();
    expect(open.requests.filter((address) => !address.startsWith(stub.url))).toEqual([]);
  });

  it('shows where a filter is wrong, keeps the last picture, and recovers', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await page.locator('.card').first().waitFor();
    await page.getByRole('searchbox').fill('service((');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.locator('.complaint p').textContent()).toBe(
      '"(" at column 9; expected a field, an address or a name',
    );
    expect(await page.locator('.complaint pre').textContent()).toBe('service((\n        ^');
    expect(await page.locator('.card').count()).toBe(7);
    await page.getByRole('searchbox').fill('index');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor({ state: 'detached' });
    expect(open.faults).toEqual([]);
  });

  it('opens a link with a bad filter on the whole fleet, under the complaint', async () => {
    open = await openPage(browser, `${stub.url}?q=service((`);
    await open.page.getByRole('alert').waitFor();
    await open.page.locator('.card').first().waitFor();
    expect(await open.page.locator('.coverage summary').textContent()).toBe('coverage 4/5');
  });

  it('keeps the picture of an aggregator that went away, says as of when, and returns with it', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await page.locator('.card').first().waitFor();
    await stub.vanish();
    await page.locator('.notice.away').waitFor();
    expect(await page.locator('.notice.away').textContent()).toMatch(
      /^Away since \d\d:\d\d:\d\d: the aggregator does not answer\. Shown is the fleet as of 14:02:11; trying again/,
    );
    expect(await page.locator('.card').count()).toBe(7);
    expect(await page.locator('.live').textContent()).toBe('away14:02:11');
    await stub.reappear();
    await page.locator('.notice.away').waitFor({ state: 'detached' });
    await expect.poll(() => stub.openStreams(), { timeout: patienceMs }).toBe(1);
  });

  it('tells a fleet without hosts how to add one', async () => {
    stub.fleet = emptyFleet();
    open = await openPage(browser, stub.url);
    await open.page.locator('.empty').waitFor();
    expect(await open.page.locator('h1').textContent()).toBe('No host reports yet.');
    expect(await open.page.locator('.command').textContent()).toBe('whotalks agent --server 127.0.0.1:7443');
  });

  it('marks simulated hosts and an aggregator without protection', async () => {
    const fleet = foundingFleet();
    stub.fleet = { ...fleet, map: { ...fleet.map, demo: true }, about: { ...fleet.about, insecure: true } };
    open = await openPage(browser, stub.url);
    await open.page.locator('.mark').first().waitFor();
    expect(await open.page.locator('.mark').allTextContents()).toEqual(['DEMO', 'insecure']);
    stub.fleet = foundingFleet();
    stub.tell();
    await open.page.locator('.mark').first().waitFor({ state: 'detached' });
  });

  it('says what was searched over which coverage when nothing is found', async () => {
    stub.fleet = emptyFleet([host('a'), host('b', { state: 'lost' })]);
    open = await openPage(browser, `${stub.url}?q=nowhere`);
    await open.page.locator('.empty').waitFor();
    expect(await open.page.locator('h1').textContent()).toBe('Nothing found.');
    expect(await open.page.locator('.empty p').first().textContent()).toBe(
      'No connection that matches nowhere is open or was closed recently, as of 14:02:11; 1 of 2 hosts reports.',
    );
  });

  it('shows hostile names as text, in every view', async () => {
    stub.fleet = hostileFleet();
    open = await openPage(browser, stub.url);
    const { page } = open;
    await page.locator('.card').first().waitFor();
    const names = [...hostileNames].map(visibleText);
    expect((await page.locator('.card .name').allTextContents()).sort()).toEqual([...names, 'index'].sort());
    await page.locator('.coverage summary').click();
    expect(await page.locator('.popover li bdi').allTextContents()).toEqual(names);
    await page.locator('[data-service=__proto__]').click();
    expect(await page.locator('.evidence h2').textContent()).toBe('__proto__');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.locator('tbody tr').first().waitFor();
    expect((await page.locator('td.client .name').allTextContents()).sort()).toEqual(names.toSorted());
    expect(await page.locator('#page img').count()).toBe(0);
    expect(open.faults).toEqual([]);
  });

  it('draws a large fleet with WebGL and a worker under the security policy', async () => {
    stub.fleet = largeFleet(220);
    open = await openPage(browser, `${stub.url}?service=postgres`);
    const { page } = open;
    await page.locator('.overview[data-state=drawn]').waitFor();
    expect(await page.locator('.map').getAttribute('data-services')).toBe('219');
    expect(await page.locator('.stage canvas').count()).toBeGreaterThan(0);
    expect(await page.locator('.evidence h2').textContent()).toBe('postgres');
    expect(open.requests.some((address) => /force-worker/.test(address))).toBe(true);
    expect(open.faults).toEqual([]);
  });

  it('falls back to the table of a large fleet without WebGL, and still draws a small one', async () => {
    stub.fleet = { ...largeFleet(220), connections: foundingFleet().connections };
    open = await openPage(browser, stub.url, { initScript: withoutWebgl });
    const { page } = open;
    await page.locator('tbody tr').first().waitFor();
    expect(await page.locator('.answer .notice').textContent()).toMatch(/^This browser has no WebGL/);
    stub.fleet = foundingFleet();
    await page.getByRole('searchbox').fill('index');
    await page.keyboard.press('Enter');
    await page.locator('.card').first().waitFor();
    expect(open.faults).toEqual([]);
  });

  it('would notice a violation of the security policy', async () => {
    open = await openPage(browser, stub.url);
    await open.page.locator('.card').first().waitFor();
    await open.page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p style="color:red">x</p>')`);
    await expect.poll(() => open.faults.length, { timeout: patienceMs }).toBe(1);
    expect(open.faults[0]).toMatch(/^policy: /);
  });
});
