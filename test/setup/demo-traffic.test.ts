/** The program that talks on the demo hosts: it answers, it calls, and it comes back to whoever was not there yet. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { repository } from '../support/source-tree.ts';
import { until } from '../support/until.ts';

const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill();
});

function startTraffic(...args: string[]): void {
  started.push(
    spawn(process.execPath, [join(repository, 'deploy/demo-traffic.mjs'), ...args], { stdio: 'ignore' }),
  );
}

test('it answers on its port', async () => {
  const port = await freePort();
  startTraffic('--listen', String(port));
  let answer = '';
  await until('it answers', async () => {
    const caller = net.connect(port, '127.0.0.1');
    caller.on('error', () => {});
    caller.write('ping\n');
    const [chunk] = await once(caller, 'data').catch(() => ['']);
    caller.destroy();
    answer = String(chunk);
    return answer !== '';
  });
  expect(answer).toBe('ping\n');
});

test('it calls over three connections at once, also one who comes late', async () => {
  const port = await freePort();
  startTraffic('--call', `127.0.0.1:${port}`);
  const open = new Set<net.Socket>();
  let words = '';
  const callee = net.createServer((caller) => {
    open.add(caller);
    caller.on('close', () => open.delete(caller));
    caller.on('data', (chunk) => {
      words += chunk;
    });
    caller.on('error', () => {});
  });
  callee.listen(port, '127.0.0.1');
  await until('three connections are open', () => open.size === 3 || `${open.size}`);
  await until('they talk', () => words.includes('ping\n'));
  for (const caller of open) caller.destroy();
  callee.close();
});
