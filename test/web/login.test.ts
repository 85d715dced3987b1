/** Logging in as a person does it: the built page, the real servers, a real browser, and nothing but the keyboard. */
import { rm } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tellStory } from '../aggregator/serve/story.ts';
import { type GuardedDoors, openDoors } from '../support/guarded-doors.ts';
import { GivenTokens } from '../support/guards.ts';
import { until } from '../support/until.ts';
import { buildPage, launchBrowser, openPage, patienceMs, type WatchedPage } from './browser.ts';

describe('the page of an aggregator that wants to know who asks', { timeout: 2 * patienceMs }, () => {
  let browser: Browser;
  let root: string;
  let tokens: GivenTokens;
  let doors: GuardedDoors;
  let url: string;
  let open: WatchedPage;

  beforeAll(async () => {
    [root, browser] = await Promise.all([buildPage(), launchBrowser()]);
  }, 2 * patienceMs);
  afterAll(async () => {
    await browser.close();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    tokens = new GivenTokens();
    tokens.give('ann', 'read');
    doors = await openDoors(tellStory().fleet, 'tls', tokens, root);
    url = `http://${doors.httpAddress}/`;
  });
  afterEach(async () => {
    expect(open.requests.filter((address) => !address.startsWith(url))).toEqual([]);
    expect(open.faults).toEqual([]);
    await open.page.close();
    await doors.close();
  });

  const logIn = async (name = 'ann'): Promise<void> => {
    await open.page.locator('#token:focus').waitFor();
    await open.page.keyboard.type(`secret-${name}`);
    await open.page.keyboard.press('Enter');
    await open.page.locator('h1', { hasText: 'services' }).waitFor();
  };

  it('asks for a token, says why one is not good, and shows who is logged in until they log out', async () => {
    open = await openPage(browser, url);
    const { page } = open;
    await page.locator('#token:focus').waitFor();
    expect(await page.locator('main').textContent()).not.toContain('index');
    await page.keyboard.type('guess');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe('this token is not known here.');
    await logIn();
    expect(await page.locator('.who').getAttribute('title')).toBe('logged in as ann, who may read');
    expect(await page.evaluate('document.cookie + location.href')).toBe(url);
    await page.reload();
    await page.locator('.who', { hasText: 'ann' }).waitFor();
    await page.locator('.who button').focus();
    await page.keyboard.press('Enter');
    await page.locator('#token:focus').waitFor();
    expect(await page.locator('h1').allTextContents()).toEqual(['Who are you?']);
    await page.reload();
    await page.locator('#token:focus').waitFor();
  });

  it('takes everything away when the token is taken back, and says so', async () => {
    open = await openPage(browser, url);
    const { page } = open;
    await logIn();
    await until('the page follows the fleet', () => doors.guards.gate.held === 1);
    tokens.takeBack('ann', 'token id-ann was revoked');
    doors.guards.gate.sweep();
    await page.locator('main.login').waitFor();
    expect(await page.locator('main.login p').first().textContent()).toBe('token id-ann was revoked.');
    expect(await page.locator('body').textContent()).not.toContain('index_search');
    expect(doors.guards.gate.held).toBe(0);
  });

  it.each([
    [640, 384],
    [390, 700],
  ])('fits a window of %i by %i', async (width, height) => {
    tokens.give('somebody-with-a-long-name', 'read');
    open = await openPage(browser, url, { width, height });
    const { page } = open;
    await page.locator('#token:focus').waitFor();
    const isInside = async (name: string): Promise<boolean> => {
      const { x, y, ...box } = (await page.getByRole('button', { name }).boundingBox())!;
      return x >= 0 && y >= 0 && x + box.width <= width && y + box.height <= height;
    };
    expect(await isInside('Log in')).toBe(true);
    await logIn('somebody-with-a-long-name');
    expect(await isInside('log out')).toBe(true);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });
});
