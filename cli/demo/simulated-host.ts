/** One host of a demo as a collector: what its agent would find in its socket tables. */

import type { Collector, Scan } from '../../agent/collector.ts';
import { noContainer } from '../../model/container.ts';
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type PlannedHost, type PlannedService, workersMax } from './plan.ts';
import type { Instance, World, WorldConnection } from './world.ts';

/** Inode of the first simulated namespace, in the range that the kernel gives to them. */
const firstNetns = 4_026_600_000;

/** fd of a listener; those of connections follow. */
const listenerFd = 3;
const firstConnectionFd = 10;

export class SimulatedHost implements Collector {
  readonly name = 'demo';
  readonly #world: World;
  readonly #host: PlannedHost;
  readonly #clock: () => number;

  /** @param clock unix milliseconds */
  constructor(world: World, host: PlannedHost, clock: () => number) {
    this.#world = world;
    this.#host = host;
    this.#clock = clock;
  }

  scan(): Promise<Scan> {
    const startedAtMs = this.#clock();
    this.#world.advance(startedAtMs);
    const sockets = [...this.#listeners(), ...this.#connections()];
    return Promise.resolve({
      startedAtMs,
      finishedAtMs: startedAtMs,
      sockets,
      netns: [this.#netns()],
      scannedNetns: new Set([this.#inode]),
      malformed: [],
      malformedTotal: 0,
      cannotSee: [],
    });
  }

  close(): void {}

  get #inode(): number {
    return firstNetns + this.#host.index;
  }

  #netns(): Netns {
    return {
      inode: this.#inode,
      isHost: true,
      addresses: [
        { ip: '127.0.0.1', prefixLength: 8, device: 'lo' },
        { ip: this.#host.ip, prefixLength: 16, device: 'eth0' },
      ],
      localNetworks: [],
      ephemeralPorts: defaultEphemeralPorts,
    };
  }

  *#listeners(): Iterable<OwnedSocket> {
    for (const service of this.#world.plan.services) {
      if (service.port === 0 || !service.hosts.includes(this.#host)) continue;
      const workers = Array.from({ length: service.workers }, (_, worker) => worker);
      yield {
        protocol: 'tcp',
        state: 'listen',
        local: { ip: '0.0.0.0', port: service.port },
        remote: { ip: '0.0.0.0', port: 0 },
        inode: 1000 + service.index,
        uid: uidOf(service),
        netns: this.#inode,
        owners: workers.map((worker) => ({
          process: processOf({ service, host: this.#host, worker }),
          fds: [listenerFd],
        })),
      };
    }
  }

  *#connections(): Iterable<OwnedSocket> {
    for (const connection of this.#world.connections()) {
      if (connection.client?.host === this.#host) yield this.#end(connection, connection.client, 'client');
      if (connection.server.host === this.#host) yield this.#end(connection, connection.server, 'server');
    }
  }

  #end(connection: WorldConnection, instance: Instance, side: 'client' | 'server'): OwnedSocket {
    const client = { ip: connection.clientIp, port: connection.clientPort };
    const server = { ip: connection.server.host.ip, port: connection.server.service.port };
    return {
      protocol: 'tcp',
      state: 'established',
      local: side === 'client' ? client : server,
      remote: side === 'client' ? server : client,
      inode: 100_000 + 2 * connection.id + (side === 'client' ? 0 : 1),
      uid: uidOf(instance.service),
      netns: this.#inode,
      owners: [{ process: processOf(instance), fds: [firstConnectionFd + (connection.id % 500)] }],
    };
  }
}

/** The same on every host. */
function uidOf(service: PlannedService): number {
  return 10_000 + service.index;
}

function processOf({ service, worker }: Instance): Process {
  const pid = 1000 + workersMax * service.index + worker;
  return {
    pid,
    startTicks: 100 * pid,
    comm: service.name.slice(0, 15),
    exe: `/opt/demo/bin/${service.name}`,
    cmdline: `/opt/demo/bin/${service.name} --simulated`,
    program: service.name,
    uid: uidOf(service),
    user: service.name,
    ...noContainer,
    unit: `${service.name}.service`,
  };
}
