/** The page in a real browser: one query as sentence, map and table, live, by mouse and by keyboard. */
import { rm } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPage, launchBrowser, openPage, patienceMs, type WatchedPage } from './browser.ts';
import { edge, mapOf } from './documents.ts';
import { foundingFleet, foundingSummary } from './fleets.ts';
import { type StubServer, startStubServer } from './stub-server.ts';

const query = '?q=10.1.100.9%3A8743';

describe('the page of a query', { timeout: 2 * patienceMs }, () => {
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
    expect(open.faults).toEqual([]);
    expect(open.requests.filter((address) => !address.startsWith(stub.url))).toEqual([]);
  });

  it('answers in words, draws every service and dependency, and tells the coverage', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await page.locator('.card').first().waitFor();
    expect(await page.locator('h1').textContent()).toBe(foundingSummary);
    expect((await page.locator('.card .name').allTextContents()).sort()).toEqual([
      '10.9.4.20',
      'batch-reports',
      'checkout',
      'index',
      'index_search',
      'metrics',
      'store',
    ]);
    expect(await page.locator('.sheet g.both-ends').count()).toBe(6);
    expect(await page.locator('.sheet g.one-end').count()).toBe(1);
    expect(await page.locator('.card.unobserved .name').allTextContents()).toEqual(['10.9.4.20']);
    expect(await page.locator('.card.focus .name').allTextContents()).toEqual(['index']);
    expect(await page.locator('.coverage summary').textContent()).toBe('coverage 4/5');
    expect(await page.locator('.live').textContent()).toBe('live14:02:11');
  });

  it('stands callers left of the service and what it calls right of it', async () => {
    open = await openPage(browser, stub.url + query);
    const leftOf = async (name: string): Promise<number> =>
      (await open.page.locator(`[data-service="${name}"]`).boundingBox())!.x;
    expect(await leftOf('index_search')).toBeLessThan(await leftOf('index'));
    expect(await leftOf('10.9.4.20')).toBe(await leftOf('index_search'));
    expect(await leftOf('index')).toBeLessThan(await leftOf('store'));
  });

  it('lists the same query as a table with both processes, sortable, and keeps it in the address', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await page.getByRole('button', { name: 'Table' }).click();
    await page.locator('tbody tr').first().waitFor();
    expect(await page.locator('tbody td.client').allTextContents()).toEqual([
      '10.9.4.20 10.9.4.20:50112',
      'index_search ./index_search[25465]web1 10.1.17.138:8653',
      'checkout node[881]web2 10.1.17.140:41022',
      'index java[4121]idx1 10.1.100.9:40112',
    ]);
    expect(await page.locator('tbody td.opened').allTextContents()).toEqual(['40 s', '3 min', '2 h', '6 d']);
    await page.getByRole('button', { name: 'Client' }).click();
    await page.locator('th.client[aria-sort=ascending]').waitFor();
    expect(await page.locator('tbody td.client .name').allTextContents()).toEqual([
      '10.9.4.20',
      'checkout',
      'index',
      'index_search',
    ]);
    expect(page.url()).toBe(`${stub.url}${query}&view=table&sort=client`);
    await page.goBack();
    await page.locator('.card').first().waitFor();
  });

  it('opens a long list of callers at the service that was asked about', async () => {
    const callers = Array.from({ length: 40 }, (_, i) => edge(`caller${i}`, 'index', 8743));
    stub.fleet = { ...foundingFleet(), map: mapOf(callers) };
    open = await openPage(browser, stub.url + query);
    const focus = open.page.locator('.card.focus');
    await focus.waitFor();
    const box = (await focus.boundingBox())!;
    expect(box.y).toBeGreaterThan(100);
    expect(box.y).toBeLessThan(760);
  });

  it('shows the evidence of a clicked service, of its edge, and of a connection', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await page.locator('[data-service=index]').click();
    const evidence = page.getByRole('complementary', { name: 'Evidence' });
    await evidence.locator('h3').nth(1).waitFor();
    expect(await evidence.locator('h3').allTextContents()).toEqual([
      'Called by 4 services',
      'Calls 2 services',
    ]);
    await evidence.getByRole('button', { name: 'index_search' }).click();
    await evidence.locator('.conversations').waitFor();
    expect(await evidence.locator('dd').allTextContents()).toEqual([
      ':8743/tcp',
      '12 open, 40 in all',
      '9 d ago',
      '1 s ago',
      '40 by both ends',
    ]);
    await evidence.locator('.conversations button').click();
    expect(await evidence.locator('.end-block').first().textContent()).toBe(
      'client./index_search[25465] user appweb1 10.1.17.138:8653 fd 101',
    );
    expect(await evidence.locator('.cmdline').textContent()).toBe('java -jar index.jar');
  });

  it('selects the line under the pointer', async () => {
    open = await openPage(browser, stub.url);
    const { page } = open;
    const client = (await page.locator('[data-service="10.9.4.20"]').boundingBox())!;
    await page.mouse.click(client.x + client.width + 4, client.y + client.height / 2);
    await page.locator('.evidence').waitFor();
    expect(await page.locator('.evidence h2').textContent()).toBe('10.9.4.20 → index');
    expect(await page.locator('.evidence dd').last().textContent()).toBe('2 by the server only');
  });

  it('takes up what is new after an event, and moves nothing that was there', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    const index = page.locator('[data-service=index]');
    const before = await index.boundingBox();
    await expect.poll(() => stub.openStreams(), { timeout: patienceMs }).toBe(1);
    const fleet = foundingFleet();
    stub.fleet = { ...fleet, map: mapOf([...fleet.map.edges, edge('newcomer', 'index', 8743)]) };
    stub.tell();
    await page.locator('[data-service=newcomer]').waitFor();
    expect(await index.boundingBox()).toEqual(before);
  });

  it('holds its picture while paused and follows again when told', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await expect.poll(() => stub.openStreams(), { timeout: patienceMs }).toBe(1);
    await page.locator('.live').click();
    await expect.poll(() => stub.openStreams(), { timeout: patienceMs }).toBe(0);
    stub.fleet = { ...stub.fleet, map: mapOf([edge('newcomer', 'index', 8743)]) };
    expect(await page.locator('.live').textContent()).toBe('paused14:02:11');
    expect(await page.locator('[data-service=newcomer]').count()).toBe(0);
    await page.locator('.live').click();
    await page.locator('[data-service=newcomer]').waitFor();
  });

  it('draws no answer that is under way when it is paused', async () => {
    open = await openPage(browser, stub.url + query);
    const { page } = open;
    await expect.poll(() => stub.openStreams(), { timeout: patienceMs }).toBe(1);
    let answer = (): void => {};
    stub.mayAnswer = new Promise((resolve) => (answer = resolve));
    stub.fleet = { ...stub.fleet, map: mapOf([edge('newcomer', 'index', 8743)]) };
    stub.tell();
    await expect.poll(() => stub.waiting(), { timeout: patienceMs }).toBeGreaterThan(0);
    await page.locator('.live').click();
    // It has given up the questions, so that nothing comes of them.
    await expect.poll(() => stub.waiting(), { timeout: patienceMs }).toBe(0);
    answer();
    expect(await page.locator('[data-service=newcomer]').count()).toBe(0);
    await page.locator('.live').click();
    await page.locator('[data-service=newcomer]').waitFor();
  });

  it('is walked by keyboard alone', async () => {
    open = await openPage(browser, stub.url);
    const { page } = open;
    await page.locator('.card').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('10.1.100.9:8743');
    await page.keyboard.press('Enter');
    await page.locator('.card.focus').waitFor();
    expect(page.url()).toBe(stub.url + query);
    await page.keyboard.press('Escape');
    await page.locator('.card[tabindex="0"]').focus();
    const focused = (): Promise<string | null> => page.locator(':focus').getAttribute('data-service');
    expect(await focused()).toBe('index');
    await page.keyboard.press('ArrowRight');
    expect(['metrics', 'store']).toContain(await focused());
    await page.keyboard.press('ArrowLeft');
    expect(await focused()).toBe('index');
    await page.keyboard.press('Enter');
    await page.locator('.evidence').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.evidence').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.locator('tbody tr').first().waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
  });

  it('fits a screen of 390 pixels without scrolling sideways', async () => {
    open = await openPage(browser, `${stub.url}${query}&service=index`, { width: 390, height: 844 });
    await open.page.locator('.evidence').waitFor();
    expect(await open.page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await open.page.evaluate('document.querySelector(".scroll").scrollWidth')).toBeLessThanOrEqual(
      390,
    );
  });
});
