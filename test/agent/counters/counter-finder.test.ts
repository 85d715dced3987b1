/** The counters of real connections, in this namespace and in another one. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import {
  CounterFinder,
  type CounterFinderOptions,
  restMaxMs,
} from '../../../agent/counters/counter-finder.ts';
import { type Libc, loadLibc } from '../../../agent/libc.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { SocketCounters } from '../../../model/socket-counters.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import { until } from '../../support/until.ts';
import { closeAll, connected, listen, open, ownNetns } from '../collect/machine.ts';

type Ports = Partial<Pick<Socket, 'localPort' | 'remotePort'>>;

function portsOf({ localPort, remotePort }: Ports): string {
  return `${localPort} ${remotePort}`;
}

/** The finder beside a collector and a watch, as in the agent. */
class Finding {
  readonly #collector = createProcfsCollector();
  readonly #watch = new SocketWatch();
  readonly finder: CounterFinder;
  readonly #idOf = new Map<string, number>();
  readonly counters = new Map<number, SocketCounters>();

  constructor(libc: Libc, options: Partial<CounterFinderOptions>) {
    this.finder = new CounterFinder(libc, { procRoot: '/proc', ...options });
  }

  async scan(): Promise<void> {
    await this.find(await this.#look());
  }

  /** A scan that shows these and nothing else of the machine. */
  async scanFor(...sockets: readonly Ports[]): Promise<void> {
    const events = await this.#look();
    const ids = new Set(sockets.map((socket) => this.#idOf.get(portsOf(socket))));
    await this.find(events.filter(({ id }) => ids.has(id)));
  }

  async #look(): Promise<SocketEvent[]> {
    const events = this.#watch.apply(await this.#collector.scan());
    for (const { id, socket } of events) {
      if (socket.netns !== ownNetns) continue;
      this.#idOf.set(portsOf({ localPort: socket.local.port, remotePort: socket.remote.port }), id);
    }
    return events;
  }

  /** As after a scan that brought these. */
  async find(events: readonly SocketEvent[]): Promise<void> {
    for (const finding of await this.finder.find(events)) {
      if (finding.kind === 'counted') this.counters.set(finding.id, finding.counters);
    }
  }

  of(socket: Ports): SocketCounters | undefined {
    return this.counters.get(this.#idOf.get(portsOf(socket)) ?? -1);
  }

  close(): void {
    this.finder.close();
    this.#collector.close();
  }
}

describe('counters', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) cleanup();
    await closeAll();
  });

  async function start(options: Partial<CounterFinderOptions> = {}): Promise<Finding> {
    const finding = new Finding(await loadLibc(), { socketsPerScan: 1_000_000, ...options });
    cleanups.push(() => finding.close());
    return finding;
  }

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('tell the bytes of each way over %s', async (host) => {
    const finding = await start();
    const server = createServer({ allowHalfOpen: true });
    open.push(server);
    await once(server.listen(0, host === '::1' ? '::1' : '::'), 'listening');
    const [client, accepted] = await connected(server, host);
    open.push(accepted);
    accepted.resume();
    client.resume();
    client.write(Buffer.alloc(100_000));
    accepted.write(Buffer.alloc(5_000));
    await until('both have read all', () => accepted.bytesRead === 100_000 && client.bytesRead === 5_000);
    await until('all bytes are counted', async () => {
      await finding.scanFor(client, accepted);
      // The last acknowledgement may be on its way; the opening SYN counts as a byte of whoever dialed.
      return finding.of(client)?.bytesSent === 100_001 && finding.of(accepted)?.bytesSent === 5_000;
    });
    expect(finding.of(client)).toMatchObject({ bytesReceived: 5_000 });
    expect(finding.of(accepted)).toMatchObject({ bytesReceived: 100_000 });
    expect(finding.of(client)!.rttUs).toBeGreaterThan(0);
    // A machine that is slow to acknowledge has some sent again.
    for (const end of [client, accepted]) expect(finding.of(end)!.retransmits).toBeLessThan(10);
    expect(finding.finder.cannotSee).toEqual([]);

    client.end();
    await once(accepted, 'end');
    accepted.write(Buffer.alloc(1_000));
    await until('what came after the FIN is counted', async () => {
      await finding.scanFor(client, accepted);
      return finding.of(client)?.bytesReceived === 6_000;
    });
    // One end is half closed now: its FIN is no payload.
    expect(finding.of(client)!.bytesSent).toBe(100_001);
    expect(finding.of(accepted)!.bytesReceived).toBe(100_000);
  });

  it('are told again only when they differ', async () => {
    const finding = await start();
    const [server] = await listen('127.0.0.1');
    const [client] = await connected(server);
    await until('it is counted', async () => {
      await finding.scanFor(client);
      return finding.of(client) !== undefined;
    });
    finding.counters.clear();
    await finding.scanFor(client);
    expect(finding.of(client)).toBeUndefined();
    client.write('x');
    await until('the byte is counted', async () => {
      await finding.scanFor(client);
      return finding.of(client)?.bytesSent === 2;
    });
  });

  it('cost a bounded number of questions per scan, and every socket has its turn', async () => {
    const finding = await start({ socketsPerScan: 3 });
    const [server] = await listen('127.0.0.1');
    const clients: Socket[] = [];
    for (let n = 0; n < 10; n++) clients.push((await connected(server))[0]);
    await finding.scanFor(...clients);
    expect(finding.counters.size).toBe(3);
    await until('every connection is counted', async () => {
      await finding.find([]);
      return clients.every((client) => finding.of(client) !== undefined);
    });
  });

  it('are asked ever less often while a connection rests, and in each scan again once it does not', async () => {
    let nowMs = 0;
    const finding = await start({ nowMs: () => nowMs });
    const [server] = await listen('127.0.0.1');
    const [client, accepted] = await connected(server);
    const receive = async (): Promise<void> => {
      accepted.write('x');
      await once(client, 'data');
    };
    /** What is known of the client's connection so much later. */
    const receivedAfter = async (passedMs: number): Promise<number | undefined> => {
      nowMs += passedMs;
      await finding.find([]);
      return finding.of(client)?.bytesReceived;
    };
    await finding.scanFor(client);
    expect(await receivedAfter(0)).toBe(0);
    await receivedAfter(60_000);
    await receive();
    // It has been still for a minute: nobody asks for 90 s and more.
    expect(await receivedAfter(80_000)).toBe(0);
    expect(await receivedAfter(40_000)).toBe(1);
    await receive();
    expect(await receivedAfter(0)).toBe(2);
    for (let n = 0; n < 5; n++) await receivedAfter(restMaxMs);
    await receive();
    expect(await receivedAfter(0.7 * restMaxMs)).toBe(2);
    expect(await receivedAfter(0.3 * restMaxMs)).toBe(3);
    expect(finding.finder.cannotSee).toEqual([]);
  });

  it('are asked after each scan where no connection may rest', async () => {
    const finding = await start({ restMaxMs: 0, nowMs: () => 0 });
    const [server] = await listen('127.0.0.1');
    const [client, accepted] = await connected(server);
    await finding.scanFor(client);
    for (let received = 0; received < 5; received++) {
      await finding.find([]);
      await finding.find([]);
      expect(finding.of(client)?.bytesReceived).toBe(received);
      accepted.write('x');
      await once(client, 'data');
    }
  });

  it('leave no descriptor behind', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const finding = await start();
    await finding.scan();
    expect(descriptors()).toBeGreaterThan(before);
    finding.close();
    finding.close();
    expect(descriptors()).toBe(before);
  });
});
