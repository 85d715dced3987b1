/** `up`, `demo` and `doctor` as a person meets them: real aggregator, real agents, real ports. */
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostsDocument, ToDocument } from '../../model/document.ts';
import { runCli, type StartedCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

/** Ports of the system's choice, so that tests never meet each other or a running whotalks. */
const anyPorts = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];

function addressOf(started: StartedCli): string {
  return /gRPC {2}(\S+)/.exec(started.out())![1]!;
}

describe('up', () => {
  let up: StartedCli;

  beforeAll(async () => {
    // However busy the machine is, it looks as often.
    const pace = ['--interval', '200ms', '--cpu-max', '0'];
    up = startCli(['up', ...anyPorts, ...pace, '--host-id', 'test-up', '--host-name', 'here']);
    await until('up tells what it sees', () => up.out().includes('Ctrl-C') || up.err());
  });
  afterAll(async () => {
    up.stop('SIGINT');
    await up.done;
  });

  test('prints its addresses, what it sees, and a command that answers', async () => {
    expect(up.out()).toMatch(/^whotalks 0\.1\.0 is up: aggregator and agent of this host, in one process\n/);
    expect(up.out()).toMatch(/\n {2}page {2}http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(up.out()).toMatch(/\n {2}sees \d+ sockets? of \d+ process(es)? in \d+ network namespaces?\n/);
    const suggestion = /try: whotalks (.+)\n/.exec(up.out())![1]!.split(' ');
    await until('the agent itself is found', async () => {
      const { code, out, err } = await runCli([...suggestion, '-o', 'json']);
      if (code !== 0) return err;
      const { listeners, clients } = JSON.parse(out) as ToDocument;
      return (listeners[0]?.pid === process.pid && clients.some(({ pid }) => pid === process.pid)) || out;
    });
  });

  test('doctor says that the server answers', async () => {
    const { code, out } = await runCli(['doctor', '--server', addressOf(up), '-o', 'json']);
    const { checks } = JSON.parse(out) as { checks: { check: string; state: string; detail: string }[] };
    expect(code).toBe(0);
    expect(checks.find(({ check }) => check === 'server')).toMatchObject({
      state: 'ok',
      detail: `${addressOf(up)} answers, version 0.1.0`,
    });
  });

  test('doctor says so in a table too', async () => {
    expect((await runCli(['doctor', '--server', addressOf(up)])).out).toMatch(/^ok {7}kernel +\S+\n/);
  });
});

describe('ports in use', () => {
  let taken: Server;
  let address = '';

  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', () => resolve()));
    address = `127.0.0.1:${(taken.address() as { port: number }).port}`;
  });
  afterAll(() => {
    taken.close();
  });

  test.each(['up', 'aggregator'])(
    '%s on a chosen port that is taken is an error in one line',
    async (verb) => {
      const { code, out, err } = await runCli([verb, '--listen', address, '--http', '127.0.0.1:0']);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(
        /^whotalks: --listen 127\.0\.0\.1:\d+: the port is in use: choose another with --listen HOST:PORT\n$/,
      );
    },
  );
});

describe('an agent that cannot begin says so in one line', () => {
  test('its metrics find their port in use', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', () => resolve()));
    const address = `127.0.0.1:${(taken.address() as { port: number }).port}`;
    const { code, err } = await runCli(['agent', '--server', '127.0.0.1:1', '--metrics', address]);
    taken.close();
    expect({ code, err }).toEqual({
      code: 1,
      err: `whotalks: --metrics ${address}: the port is in use: choose another with --metrics HOST:PORT\n`,
    });
  });

  test.each([
    ['/nonexistent', 'no such folder'],
    ['/sys', 'no process is in it'],
  ])('--procfs %s is no proc', async (place, reason) => {
    for (const verb of ['agent', 'up', 'sockets']) {
      expect(await runCli([verb, '--procfs', place])).toEqual({
        code: 2,
        out: '',
        err: `whotalks: --procfs ${place}: ${reason}; name the folder where proc is mounted\n`,
      });
    }
  });
});

describe('demo', () => {
  test('many agents without an aggregator complain once, and Node does not warn', async () => {
    const warnings: string[] = [];
    const keep = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', keep);
    const demo = startCli(['demo', '--hosts', '12', '--services', '2', '--server', '127.0.0.1:1']);
    await until('they complain', () => demo.err() !== '');
    demo.stop('SIGINT');
    expect(await demo.done).toBe(130);
    process.off('warning', keep);
    expect(demo.err()).toBe('whotalks: cannot reach 127.0.0.1:1: connection refused; trying again\n');
    expect(warnings).toEqual([]);
  });

  test('fills an aggregator with simulated hosts, and ends cleanly', async () => {
    const demo = startCli(['demo', '--hosts', '3', '--services', '4', '--seed', '5', ...anyPorts], {
      env: { WHOTALKS_NATS: 'nats://127.0.0.1:1' },
    });
    await until('the demo is up', () => demo.out().includes('Ctrl-C') || demo.err());
    expect(demo.out()).toMatch(/^DEMO: 3 simulated hosts, 4 services, seed 5, into 127\.0\.0\.1:\d+\n/);
    const server = addressOf(demo);
    const target = /whotalks to (\S+) /.exec(demo.out())![1]!;
    await until('all hosts are matched, and the stranger is seen', async () => {
      const hosts = await runCli(['hosts', '-o', 'json', '--server', server, '--realm', 'demo']);
      const { code, out, err } = await runCli(['to', target, '-o', 'json', '--server', server]);
      if (hosts.code !== 0 || code !== 0) return hosts.err + err;
      const names = (JSON.parse(hosts.out) as HostsDocument).hosts.map(({ host }) => host);
      const stranger = (JSON.parse(out) as ToDocument).clients.find(({ ip }) => ip === '10.77.255.9');
      return (names.join() === 'demo-1,demo-2,demo-3' && stranger?.unseenBecause === 'no-agent') || out;
    });
    const watch = startCli(['watch', '--server', server]);
    await until('watch marks it too', () => watch.err() !== '');
    watch.stop('SIGINT');
    expect(await watch.done).toBe(130);
    expect(watch.err()).toBe('whotalks: DEMO: simulated hosts are in this answer\n');
    const doctor = await runCli(['doctor', '-o', 'json', '--server', server]);
    const { checks } = JSON.parse(doctor.out) as { checks: { check: string }[] };
    expect(checks.map(({ check }) => check)).not.toContain('nats');
    demo.stop('SIGTERM');
    expect(await demo.done).toBe(0);
    expect(demo.err()).toBe('');
  });
});
