/** A host of the fleet: a namespace with addresses on the switch, processes in it, and containers behind its own bridge. */

import { Container } from './container.ts';
import { Namespace } from './namespace.ts';
import { Peer } from './peer.ts';
import type { Place } from './place.ts';

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

  /** Makes the host-local bridge that containers hang on, such as docker0 with 172.17.0.1/16. @param address default none */
  async addBridge(device: string, address?: string): Promise<void> {
    await this.#ipInside([
      `link add ${device} type bridge`,
      ...(address === undefined ? [] : [`addr add ${address} dev ${device}`]),
      `link set ${device} up`,
    ]);
  }

  /** Commands of `ip` in its own network. */
  async ip(lines: readonly string[]): Promise<void> {
    await this.#ipInside(lines);
  }

  /** Rules of nftables, as a file has them. */
  async nft(rules: string): Promise<void> {
    await this.namespace.run(['nft', '-f', '-'], rules);
  }

  /** Makes it a router. */
  async passPacketsOn(): Promise<void> {
    const switches = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((name) => `/proc/sys/net/${name}`);
    await this.namespace.run(['sh', '-c', `for name in ${switches.join(' ')}; do echo 1 >$name; done`]);
  }

  /** A container with addresses on a bridge of this host. It has its own network and processes. */
  async addContainer(name: string, bridge: string, ...addresses: string[]): Promise<Container> {
    const container = await this.addPod(name, addresses);
    await this.#ipInside([`link set ${container.device} master ${bridge}`]);
    return container;
  }

  /** A container on no bridge: the host's end of its cable has its own name and no address yet. */
  async addPod(name: string, addresses: readonly string[]): Promise<Container> {
    const namespace = await Namespace.open('container', name, this.namespace.enter);
    const device = `veth${this.#containers.push(namespace)}`;
    await this.#ipInside([
      `link add ${device} type veth peer name eth0 netns ${namespace.pid}`,
      `link set ${device} up`,
    ]);
    const container = new Container(this.host, namespace, device);
    // nodad: an address that is still being probed cannot be bound.
    const isIpv6 = (address: string): boolean => address.includes(':');
    await container.ip([
      ...addresses.map((address) => `addr add ${address} dev eth0${isIpv6(address) ? ' nodad' : ''}`),
      'link set eth0 up',
    ]);
    return container;
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
