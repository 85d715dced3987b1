/** Events by eBPF of real connections, in a network where nothing happens but what the test does. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionEvent } from '../../../agent/events/connection-event.ts';
import { type EbpfSourceOptions, openEbpfSource } from '../../../agent/events/ebpf-source.ts';
import type { EventSource } from '../../../agent/events/event-source.ts';
import { canMakeNamespaces, Namespace, runToEnd } from '../../support/fleet/namespace.ts';
import { dialShort, type LoadSide, serveShort } from '../../support/short-connections.ts';
import { until } from '../../support/until.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import type { ChildNode } from '../collect/child-node.ts';
import { children } from '../collect/machine.ts';
import { scan } from '../sockets.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await children.endAll();
});

interface Heard {
  readonly source: EventSource;
  readonly events: ConnectionEvent[];
  /** Those of a kind, after the source was asked once more. */
  of(kind: ConnectionEvent['kind']): readonly ConnectionEvent[];
}

/** What a source hears of one network. */
async function hear(netns: number, options: EbpfSourceOptions = {}): Promise<Heard> {
  const source = await openEbpfSource('/proc', options);
  cleanups.push(() => source.close());
  const events: ConnectionEvent[] = [];
  const drain = (): void => {
    source.drain(1_000_000, (event) => {
      if (event.netns === netns) events.push(event);
    });
  };
  const of = (kind: ConnectionEvent['kind']): readonly ConnectionEvent[] => {
    drain();
    return events.filter((event) => event.kind === kind);
  };
  return { source, events, of };
}

async function quietHost(): Promise<{ inside: Namespace; netns: number }> {
  const inside = await Namespace.open('host', 'quiet');
  cleanups.push(() => inside.close());
  return { inside, netns: statSync(`/proc/${inside.pid}/ns/net`).ino };
}

/** Pid by the test's own /proc, of a process that has this one in the namespace. */
function outerPid(side: LoadSide, netns: number): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const isThere = readlinkSync(`/proc/${pid}/ns/net`) === `net:[${netns}]`;
      if (isThere && new RegExp(`^NSpid:.*\\t${side.pid}$`, 'm').test(status)) return Number(pid);
    } catch {
      // It is gone.
    }
  }
  throw new Error(`no process ${side.pid} in the namespace`);
}

/** A process with both ends of a connection to its port 18080; SIGUSR2 has it reset that. */
async function pairOf(inside: Namespace): Promise<ChildNode> {
  const child = children.start(
    `const net = require('node:net');
     const server = net.createServer((end) => {
       process.once('SIGUSR2', () => end.resetAndDestroy());
       end.on('error', () => {});
       console.log('up');
     });
     server.listen(18080, '127.0.0.1', () => net.connect(18080, '127.0.0.1').on('error', () => {}));`,
    { prefix: inside.enterNetwork },
  );
  await child.line();
  return child;
}

const obstacle = await whyNoEbpf();

it('tests of events need root and eBPF, which the machines that run them have', () => {
  expect({ obstacle, canMakeNamespaces }).toEqual({ obstacle: null, canMakeNamespaces: true });
});

describe.skipIf(obstacle !== null || !canMakeNamespaces)('events by eBPF', () => {
  it.each(['127.0.0.1', '::1'])('of %s: none is lost, each has its process and its bytes', async (host) => {
    const { inside, netns } = await quietHost();
    const count = 2000;
    const server = await serveShort(inside, host);
    // Whatever else happens on this machine meanwhile has room beside it.
    const heard = await hear(netns, { ringBytes: 32 << 20 });
    const client = await dialShort(inside, { host, port: server.port, count, atOnce: 50, lifetimeMs: 2 });
    const pids = { client: outerPid(client, netns), server: outerPid(server, netns) };
    const startedAtMs = Date.now();
    await client.run();
    await until('all ends are closed', () => heard.of('closed').length >= 2 * count);
    const finishedAtMs = Date.now();
    expect(heard.of('opened').length).toBe(2 * count);
    const closed = heard.of('closed');
    expect(closed.length).toBe(2 * count);
    const isServer = (event: ConnectionEvent): boolean => event.local.port === server.port;
    for (const event of closed) {
      const { openedAtMs, atMs, holder, local, remote } = event;
      expect([local.ip, remote.ip]).toEqual([host, host]);
      expect(holder).toMatchObject(
        isServer(event) ? { pid: pids.server, comm: 'serve' } : { pid: pids.client, comm: 'dial' },
      );
      expect(openedAtMs).toBeGreaterThanOrEqual(startedAtMs - 1);
      expect(atMs).toBeGreaterThanOrEqual(openedAtMs!);
      expect(atMs).toBeLessThanOrEqual(finishedAtMs + 1);
      // The SYN of who dials is a byte to the kernel.
      expect(event.counters).toMatchObject({ bytesSent: isServer(event) ? 64 : 65, bytesReceived: 64 });
      expect(event.counters!.rttUs).toBeGreaterThan(0);
    }
    const tuples = (events: readonly ConnectionEvent[]): string[] =>
      events.map(({ local, remote }) => `${local.port} ${remote.port}`).toSorted();
    expect(tuples(closed.filter(isServer))).toEqual(
      closed
        .filter((event) => !isServer(event))
        .map(({ local, remote }) => `${remote.port} ${local.port}`)
        .toSorted(),
    );
    expect(heard.source.takeLosses()).toMatchObject({ connections: 0, overruns: 0 });
  });

  it('a connection that is refused is closed from SYN_SENT, with its process', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns);
    const child = children.start(
      `require('node:net').connect(9, '127.0.0.1').on('error', () => console.log('refused'));
       setInterval(() => {}, 1000);`,
      { prefix: inside.enterNetwork },
    );
    await child.line();
    await until('it is told', () => heard.of('closed').length === 1);
    expect(heard.events).toMatchObject([
      {
        kind: 'closed',
        before: 'syn-sent',
        remote: { ip: '127.0.0.1', port: 9 },
        holder: { comm: 'node' },
        counters: { bytesSent: 0, bytesReceived: 0, rttUs: 0, retransmits: 0 },
      },
    ]);
  });

  it('sockets that are older than the source have their process too', async () => {
    const { inside, netns } = await quietHost();
    const child = await pairOf(inside);
    const heard = await hear(netns);
    process.kill(child.pid, 'SIGUSR2');
    await until('both ends are told', () => heard.of('closed').length === 2);
    for (const event of heard.events) {
      expect(event).toMatchObject({ before: 'established', openedAtMs: null, holder: { comm: 'node' } });
      expect(event.holder!.pid).toBe(child.pid);
    }
  });

  it('whoever closes what another process has accepted is its process', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns);
    // The shell has the connection too, and lets go of it once its parent has done so.
    const child = children.start(
      `const net = require('node:net');
       const { spawn } = require('node:child_process');
       const server = net.createServer({ pauseOnConnect: true }, (end) => {
         const stdio = ['pipe', 'ignore', 'inherit', end._handle.fd];
         const shell = spawn('sh', ['-c', 'read line; true'], { stdio });
         end.on('close', () => shell.stdin.end('go on'));
         end.destroy();
       });
       server.listen(18080, '127.0.0.1', () => {
         net.connect(18080, '127.0.0.1').on('close', () => console.log('over')).resume();
       });`,
      { prefix: inside.enterNetwork },
    );
    await child.line();
    await until('both ends are told', () => heard.of('closed').length === 2);
    const server = heard.of('closed').find(({ local }) => local.port === 18080)!;
    const client = heard.of('closed').find(({ remote }) => remote.port === 18080)!;
    expect(server.holder).toMatchObject({ comm: 'sh' });
    expect(client.holder).toMatchObject({ comm: 'node', pid: child.pid });
  });

  it('whoever breaks off a connection of others is not its process', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns);
    const child = await pairOf(inside);
    await runToEnd([...inside.enterNetwork, 'ss', '--kill', 'state', 'established', 'sport = :18080']);
    await until('both ends are told', () => heard.of('closed').length === 2);
    for (const { holder } of heard.of('closed'))
      expect(holder).toMatchObject({ comm: 'node', pid: child.pid });
  });

  it('connections that a process leaves open when it is killed are its own', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns);
    const child = await pairOf(inside);
    process.kill(child.pid, 'SIGKILL');
    await until('both ends are told', () => heard.of('closed').length === 2);
    for (const { holder } of heard.of('closed'))
      expect(holder).toMatchObject({ comm: 'node', pid: child.pid });
  });

  it('of a socket beside which the kernel has no memory it is known that its process is not, until that is made up for', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns);
    const memory = (bytes: number): Promise<string> =>
      inside.run(['sh', '-c', `echo ${bytes} > /proc/sys/net/core/optmem_max`]);
    await memory(0);
    const before = heard.source.lostTotal;
    const child = await pairOf(inside);
    // The listener, and who dials.
    expect(heard.source.lostTotal).toBeGreaterThanOrEqual(before + 2);
    expect(heard.source.lostByKind['unnoted']).toBeGreaterThanOrEqual(2);
    await memory(131_072);
    await heard.source.follow(scan(Date.now(), []));
    process.kill(child.pid, 'SIGUSR2');
    await until('both ends are told', () => heard.of('closed').length === 2);
    for (const { holder } of heard.of('closed'))
      expect(holder).toMatchObject({ comm: 'node', pid: child.pid });
  });

  it('a ring that is full is a loss, and what comes after it is told', async () => {
    const { inside, netns } = await quietHost();
    const heard = await hear(netns, { ringBytes: 64 << 10 });
    const server = await serveShort(inside, '127.0.0.1');
    const load = { host: '127.0.0.1', port: server.port, atOnce: 20, lifetimeMs: 0 };
    const first = await dialShort(inside, { ...load, count: 500 });
    // Other networks of this machine have events in the ring too.
    heard.of('closed');
    await first.run();
    const told = heard.of('closed').length;
    const { connections, reason } = heard.source.takeLosses();
    expect(reason).toBe('connections came faster than the agent read their events');
    expect(told).toBeGreaterThan(0);
    expect(told + connections).toBeGreaterThanOrEqual(1000);
    // Those may fill it again meanwhile.
    await until('ends that are told', async () => {
      const more = await dialShort(inside, { ...load, count: 10 });
      heard.of('closed');
      await more.run();
      return heard.of('closed').length > told;
    });
  });
});
