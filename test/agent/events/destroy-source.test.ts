/** Events by the kernel's messages of destroyed sockets, of real connections in networks that the test made. */
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectionEvent } from '../../../agent/events/connection-event.ts';
import { openDestroySource } from '../../../agent/events/destroy-source.ts';
import type { EventSource } from '../../../agent/events/event-source.ts';
import { LibcError } from '../../../agent/libc.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { dialShort, serveShort } from '../../support/short-connections.ts';
import { until } from '../../support/until.ts';
import { children } from '../collect/machine.ts';
import { scan } from '../sockets.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await children.endAll();
});

async function openSource(queueBytes?: number): Promise<EventSource> {
  const source = await openDestroySource('/proc', queueBytes === undefined ? {} : { queueBytes });
  cleanups.push(() => source.close());
  return source;
}

async function quietHost(): Promise<{ inside: Namespace; netns: number }> {
  const inside = await Namespace.open('host', 'quiet');
  cleanups.push(() => inside.close());
  return { inside, netns: statSync(`/proc/${inside.pid}/ns/net`).ino };
}

/** All that was heard so far of one network, asked anew each time. */
function heardIn(source: EventSource, netns: number): () => readonly ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  return () => {
    source.drain(1_000_000, (event) => {
      if (event.netns === netns) events.push(event);
    });
    return events;
  };
}

describe.skipIf(!canMakeNamespaces)('events of destroyed sockets', () => {
  it.each(['127.0.0.1', '::1'])('of %s: both ends of each connection, with their bytes', async (host) => {
    const { inside, netns } = await quietHost();
    const source = await openSource();
    await source.follow(scan(1000, [], [netns]));
    const heard = heardIn(source, netns);
    const server = await serveShort(inside, host);
    const count = 1000;
    const client = await dialShort(inside, { host, port: server.port, count, atOnce: 50, lifetimeMs: 2 });
    const startedAtMs = Date.now();
    await client.run();
    await until('all are told', () => heard().length >= 2 * count);
    expect(heard().length).toBe(2 * count);
    for (const event of heard()) {
      expect(event).toMatchObject({
        kind: 'closed',
        before: 'established',
        openedAtMs: null,
        holder: null,
        local: { ip: host },
        remote: { ip: host },
      });
      // What a SYN or a FIN adds is not known.
      const { bytesSent, bytesReceived, rttUs } = event.counters!;
      expect([63, 64, 65]).toContain(bytesSent);
      expect([63, 64]).toContain(bytesReceived);
      expect(rttUs).toBeGreaterThan(0);
      expect(event.aliveAtMs).toBeGreaterThanOrEqual(startedAtMs - 10);
      expect(event.atMs).toBeGreaterThanOrEqual(event.aliveAtMs);
    }
    expect(source.takeLosses()).toMatchObject({ connections: 0, overruns: 0 });
  });

  it('a refused connection was never established; a socket that was not connected is none', async () => {
    const { inside, netns } = await quietHost();
    const source = await openSource();
    await source.follow(scan(1000, [], [netns]));
    const heard = heardIn(source, netns);
    const child = children.start(
      `const net = require('node:net');
       const server = net.createServer().listen(18080, '127.0.0.1', () => server.close(() => {
         net.connect(18080, '127.0.0.1').on('error', () => console.log('refused'));
       }));
       setInterval(() => {}, 1000);`,
      { prefix: inside.enterNetwork },
    );
    await child.line();
    await until('it is told', () => heard().length > 0);
    expect(heard()).toMatchObject([
      { before: 'syn-sent', remote: { ip: '127.0.0.1', port: 18080 }, counters: { rttUs: 0 } },
    ]);
  });

  it('a queue that is full is an overrun, and what comes after it is told', async () => {
    const { inside, netns } = await quietHost();
    const source = await openSource(4096);
    await source.follow(scan(1000, [], [netns]));
    const heard = heardIn(source, netns);
    const server = await serveShort(inside, '127.0.0.1');
    const load = { host: '127.0.0.1', port: server.port, atOnce: 20, lifetimeMs: 0 };
    await (await dialShort(inside, { ...load, count: 300 })).run();
    const told = heard().length;
    expect(told).toBeLessThan(600);
    const { overruns, reason } = source.takeLosses();
    expect(overruns).toBeGreaterThan(0);
    expect(reason).toBe('connections ended faster than the agent read the messages of the kernel');
    expect(source.takeLosses().overruns).toBe(0);
    await (await dialShort(inside, { ...load, count: 1, atOnce: 1 })).run();
    await until('one more', () => heard().length >= told + 2);
  });

  it('a namespace is let go when no process is in it', async () => {
    const { inside, netns } = await quietHost();
    const source = await openSource();
    await source.follow(scan(1000, [], [netns]));
    await source.follow(scan(2000, [], []));
    const heard = heardIn(source, netns);
    const server = await serveShort(inside, '127.0.0.1');
    const load = { host: '127.0.0.1', port: server.port, count: 5, atOnce: 1, lifetimeMs: 0 };
    await (await dialShort(inside, load)).run();
    expect(heard()).toEqual([]);
  });

  it('a namespace that cannot be found is said to be unheard', async () => {
    const source = await openSource();
    expect(source.cannotSee).toHaveLength(1);
    await source.follow(scan(1000, [], [7]));
    expect(source.cannotSee[1]).toBe(
      'Connections between two scans are not seen in one network namespace: none of its processes is to be seen.',
    );
    await source.follow(scan(2000, [], []));
    expect(source.cannotSee).toEqual([
      'Of connections that open and close between two scans the process of the client is not known, and that of the ' +
        'server only where one alone listens: eBPF would tell; to get it: Linux 5.11 or later with BTF, CAP_BPF and ' +
        'CAP_PERFMON (run as root).',
    ]);
  });
});

it('without koffi there is none', async () => {
  const load = (): never => {
    throw new LibcError('cannot load koffi: not there');
  };
  await expect(openDestroySource('/proc', { load })).rejects.toThrow('cannot load koffi: not there');
});
