/** The page as a person meets it: `whotalks up` of dist/, a real connection of this machine, and a real browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../support/source-tree.ts';
import { until } from '../support/until.ts';
import { launchBrowser, openPage, patienceMs, type WatchedPage } from './browser.ts';

describe('the page of a real aggregator', { timeout: 2 * patienceMs }, () => {
  let browser: Browser;
  let up: ChildProcess;
  let url = '';
  let open: WatchedPage;
  const server = net.createServer((accepted) => accepted.resume());
  const clients: net.Socket[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const addresses = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const identity = ['--host-id', 'page-test', '--host-name', 'this-host'];
    const pace = ['--interval', '250ms', '--cpu-max', '0'];
    const flags = [...addresses, ...identity, ...pace, '--data', 'none', '--spool', 'none'];
    up = spawn(process.execPath, [join(repository, 'bin/whotalks'), 'up', ...flags]);
    let said = '';
    up.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until('up says where the page is', () => {
      url = /page +(http:\S+)/.exec(said)?.[1] ?? '';
      return url !== '' || said;
    });
  }, 2 * patienceMs);

  afterAll(async () => {
    const gone = once(up, 'exit');
    up.kill('SIGTERM');
    await Promise.all([gone, browser.close()]);
    for (const client of clients) client.destroy();
    server.close();
  });

  afterEach(async () => {
    await open.page.close();
    expect(open.requests.filter((address) => !address.startsWith(url))).toEqual([]);
    expect(open.faults).toEqual([]);
  });

  async function connect(): Promise<net.Socket> {
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    clients.push(client);
    await once(client, 'connect');
    return client;
  }

  it('answers who talks to an endpoint, and follows what happens', async () => {
    const first = await connect();
    const target = `127.0.0.1:${first.remotePort}`;
    open = await openPage(browser, `${url}?q=${encodeURIComponent(target)}&view=table`);
    const { page } = open;
    const row = (client: net.Socket) => page.locator('tbody tr', { hasText: `:${client.localPort}` });
    await row(first).waitFor();
    // The sentence is another answer than the rows, which may be of a moment before.
    const sentence = page.locator('h1', { hasText: `on this-host listens on ${target}` });
    expect(await sentence.textContent()).toContain(`[${process.pid}]`);
    expect(await page.locator('.coverage summary').textContent()).toBe('coverage 1/1');
    const second = await connect();
    await row(second).waitFor();
  });

  it('draws the map of what this machine does', async () => {
    await connect();
    open = await openPage(browser, url);
    await open.page.locator('.card, canvas').first().waitFor();
    expect(await open.page.locator('h1').textContent()).toMatch(/^[\d,]+ services? /);
  });
});
