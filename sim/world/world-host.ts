/** A simulated host as its kernel sees it: addresses, processes and socket table. */
import { noContainer } from '../../model/container.ts';
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { TrueSocket } from './true-socket.ts';

/** Inode of the first namespace, in the range that the kernel gives to them. */
const firstNetns = 4_026_531_840;

export class WorldHost {
  readonly index: number;
  readonly name: string;
  readonly ip: string;
  readonly sockets = new Set<TrueSocket>();
  /** Of the boot under way; the first is 1. */
  boot = 1;
  isUp = true;
  #nextPid = 1000;
  #nextPort: number = defaultEphemeralPorts[0];
  readonly #processes = new Map<string, Process>();

  constructor(index: number) {
    this.index = index;
    this.name = `h${index}`;
    this.ip = `10.0.${index >> 8}.${(index & 255) + 1}`;
  }

  get id(): string {
    return `host-${this.index}`;
  }

  get bootId(): string {
    return `00000000-0000-4000-8000-${String(this.index * 1000 + this.boot).padStart(12, '0')}`;
  }

  get netns(): Netns {
    return {
      inode: firstNetns + this.index,
      isHost: true,
      addresses: [
        { ip: '127.0.0.1', prefixLength: 8, device: 'lo' },
        { ip: this.ip, prefixLength: 16, device: 'eth0' },
      ],
      localNetworks: [],
      ephemeralPorts: defaultEphemeralPorts,
    };
  }

  /** The process of a service on this host, or one of its workers; started when it is first asked for. */
  process(service: string, worker = 0): Process {
    const key = `${service}/${worker}`;
    const known = this.#processes.get(key);
    if (known !== undefined) return known;
    const pid = this.#nextPid++ + this.index * 100_000;
    const started: Process = {
      pid,
      startTicks: pid * 10 + this.boot,
      comm: service.slice(0, 15),
      exe: `/usr/bin/${service}`,
      cmdline: `${service} --worker ${worker}`,
      program: service,
      uid: 1000,
      user: 'svc',
      ...noContainer,
      unit: null,
    };
    this.#processes.set(key, started);
    return started;
  }

  owner(service: string, fd: number, worker = 0): Owner {
    return { process: this.process(service, worker), fds: [fd] };
  }

  /** @param ports of how many the kernel gives one, one after the other: few make tuples that are used again */
  nextPort(ports: number): number {
    const port = this.#nextPort;
    const [first] = defaultEphemeralPorts;
    this.#nextPort = first + ((port - first + 1) % ports);
    return port;
  }

  /** The socket with that tuple, of those with a peer. */
  find(localPort: number, remoteIp: string, remotePort: number): TrueSocket | undefined {
    for (const socket of this.sockets) {
      const { local, remote } = socket.identity;
      if (local.port === localPort && remote.port === remotePort && remote.ip === remoteIp) return socket;
    }
    return undefined;
  }

  /** Power is lost: whatever was there is gone. */
  crash(nowMs: number): void {
    this.isUp = false;
    for (const socket of this.sockets) socket.vanish(nowMs);
    this.sockets.clear();
    this.#processes.clear();
  }

  startAgain(): void {
    this.boot++;
    this.isUp = true;
  }
}
