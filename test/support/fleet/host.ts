/** A host of the fleet: a namespace with addresses on the switch, processes in it, and containers behind its own bridge. */
import { Namespace } from './namespace.ts';
import { Peer } from './peer.ts';

/** A place in which processes run under one address: a host, or a container of it. */
export interface Place {
  /** Name of the host, also for a container. */
  readonly host: string;
  start(name: string, executable?: string): Promise<Peer>;
}

export class Host implements Place {
  readonly host: string;
  readonly namespace: Namespace;
  /** For what its processes store, as they see it. It lives in memory and goes with the host. */
  readonly folder = '/mnt';
  readonly #containers: Namespace[] = [];

  private constructor(name: string, namespace: Namespace) {
    this.host = name;
    this.namespace = namespace;
  }

  static async open(name: string): Promise<Host> {
    return new Host(name, await Namespace.open('host', name));
  }

  start(name: string, executable?: string): Promise<Peer> {
    return Peer.start(this.host, this.namespace, name, executable);
  }

  /** Makes the host-local bridge that containers hang on, such as docker0 with 172.17.0.1/16. */
  async addBridge(device: string, address: string): Promise<void> {
    await this.#ipInside([
      `link add ${device} type bridge`,
      `addr add ${address} dev ${device}`,
      `link set ${device} up`,
    ]);
  }

  /** A container with an address on a bridge of this host. It has its own network and processes. */
  async addContainer(name: string, bridge: string, address: string): Promise<Place> {
    const container = await Namespace.open('container', name, this.namespace.enter);
    this.#containers.push(container);
    const device = `veth${this.#containers.length}`;
    await this.#ipInside([
      `link add ${device} type veth peer name eth0 netns ${container.pid}`,
      `link set ${device} master ${bridge} up`,
    ]);
    await container.ip([`addr add ${address} dev eth0`, 'link set eth0 up']);
    return {
      host: this.host,
      start: (process, executable) => Peer.start(this.host, container, process, executable),
    };
  }

  /** Sends a signal to one of its processes. */
  async kill(pid: number, signal: 'TERM' | 'KILL' | 'STOP' | 'CONT'): Promise<void> {
    await this.namespace.run(['kill', '-s', signal, String(pid)]);
  }

  /** What `ss` says of its own namespace: one line per socket. */
  async ss(...args: string[]): Promise<readonly string[]> {
    const text = await this.namespace.run(['ss', '-H', '-n', ...args]);
    return text.split('\n').filter((line) => line !== '');
  }

  close(): Promise<void> {
    return this.namespace.close();
  }

  /** Unlike Namespace.ip, with the host's own pids, which is what `netns PID` needs. */
  async #ipInside(lines: readonly string[]): Promise<void> {
    await this.namespace.run(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  }
}
