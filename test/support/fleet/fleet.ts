/**
 * A fleet: hosts joined by a switch, all of it in namespaces of its own, and the ledger of what was opened among them.
 * Nothing of the machine's own network is touched.
 */
import type { Endpoint } from '../../../model/endpoint.ts';
import { until } from '../until.ts';
import { Host } from './host.ts';
import { type Comparison, compareWithLedger, formatComparison, Ledger, type LedgerEntry } from './ledger.ts';
import { Namespace } from './namespace.ts';
import type { ConnectPlace, HeldSocket, Peer } from './peer.ts';
import { Whotalks } from './whotalks.ts';

/** Name of each host, and its addresses with prefix length, such as `10.1.17.138/16`. */
export type FleetPlan = Readonly<Record<string, readonly string[]>>;

export class Fleet {
  readonly ledger = new Ledger();
  readonly whotalks = new Whotalks(this.ledger);
  readonly #hosts = new Map<string, Host>();
  readonly #switch: Namespace;

  private constructor(switching: Namespace) {
    this.#switch = switching;
  }

  static async open(plan: FleetPlan): Promise<Fleet> {
    const switching = await Namespace.open('host', 'switch');
    const fleet = new Fleet(switching);
    await switching.ip(['link add switch0 type bridge mcast_snooping 0', 'link set switch0 up']);
    await Promise.all(Object.entries(plan).map(([name, addresses]) => fleet.#join(name, addresses)));
    return fleet;
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`the fleet has no host ${name}`);
    return host;
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** Opens a TCP connection and writes it down, both ends. */
  async connect(
    client: Peer,
    server: Peer,
    target: Endpoint,
    from: Partial<ConnectPlace> = {},
  ): Promise<LedgerEntry> {
    const before = server.accepted.length;
    const end = await client.connect({ ...from, host: target.ip, port: target.port });
    return this.ledger.record('tcp', end, await server.acceptedFrom(end, before));
  }

  /** As `connect`, where the server may see another address than the client has. Nobody else connects meanwhile. */
  async connectTranslated(
    client: Peer,
    server: Peer,
    target: Endpoint,
    from: Partial<ConnectPlace> = {},
  ): Promise<LedgerEntry> {
    const before = server.accepted.length;
    const end = await client.connect({ ...from, host: target.ip, port: target.port });
    await until(`${server.process} accepts`, () => server.accepted.length > before);
    return this.ledger.record('tcp', end, server.accepted[before]!);
  }

  /** Two UDP sockets that have each other as their peer. `server` is the one bound to a well-known port. */
  async connectUdp(client: Peer, clientAt: Endpoint, server: Peer, serverAt: Endpoint): Promise<LedgerEntry> {
    const type = serverAt.ip.includes(':') ? 'udp6' : 'udp4';
    const at = (own: Endpoint, remote: Endpoint) => ({ type, host: own.ip, port: own.port, remote }) as const;
    const serverEnd: HeldSocket = await server.udp(at(serverAt, clientAt));
    return this.ledger.record('udp', await client.udp(at(clientAt, serverAt)), serverEnd);
  }

  /** Ends a connection from both sides and writes that down. */
  async disconnect(client: Peer, server: Peer, entry: LedgerEntry): Promise<void> {
    entry.open = false;
    await Promise.all([client.close(entry.client), server.close(entry.server)]);
  }

  /**
   * Asks `connections` on host `asker` until the answer agrees with the ledger, prints the result and returns it.
   * Fails with the first mistakes and phantoms when it never does.
   */
  async expectLedgerMatched(asker: Host): Promise<Comparison> {
    let comparison: Comparison | undefined;
    await until('the answer agrees with the ledger', async () => {
      const { connections } = await this.whotalks.connections(asker);
      comparison = compareWithLedger(this.ledger, connections);
      const agrees = comparison.matched === comparison.total && comparison.phantoms.length === 0;
      return agrees || formatComparison(comparison);
    });
    console.log(formatComparison(comparison!));
    if (comparison!.total === 0) throw new Error('the ledger has nothing to compare with');
    return comparison!;
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    await this.#switch.close();
  }

  async #join(name: string, addresses: readonly string[]): Promise<void> {
    const host = await Host.open(name);
    this.#hosts.set(name, host);
    const port = `port${this.#hosts.size}`;
    await this.#switch.ip([
      `link add ${port} type veth peer name eth0 netns ${host.namespace.pid}`,
      `link set ${port} master switch0 up`,
    ]);
    // nodad: an address that is still being probed cannot be bound.
    const isIpv6 = (address: string): boolean => address.includes(':');
    await host.namespace.ip([
      ...addresses.map((address) => `addr add ${address} dev eth0${isIpv6(address) ? ' nodad' : ''}`),
      'link set eth0 up',
    ]);
  }
}
