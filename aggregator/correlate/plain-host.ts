/** What correlation keeps of a host that has sockets in the core: their slots, its networks, and the addresses that it claims. */
import { type IpAddress, isIpv6, isLoopback, type Prefix } from '../../model/ip.ts';
import type { Process } from '../../model/process.ts';
import { slotsMax as agentSlotsMax } from '../../wire/agent-limits.ts';
import { ipv4ToNumber } from '../../wire/packing.ts';
import { AgentSlots } from '../core/agent-slots.ts';
import type { ReportingHost, TakeBack } from './report.ts';

/** Sockets of one host in the core. */
const slotsMax = 1 << 21;

/** First byte of 127.0.0.0/8. */
export const loopback4 = 127;

/** An IPv4 network as signed numbers. */
interface Network4 {
  readonly address: number;
  readonly mask: number;
}

/** A namespace that has sockets in the core. */
export interface PlainNetns {
  readonly host: PlainHost;
  readonly inode: number;
  /** Unique among address spaces. */
  readonly scope: number;
  readonly ephemeralPorts: readonly [first: number, last: number];
  /** Holders by what they are called. */
  readonly holders: Map<string, number>;
}

/** A host that has sockets in the core, which reaches them by slots. */
export class PlainHost {
  readonly host: ReportingHost;
  /** Of sockets that are told as objects, by numbers of our own. */
  readonly slots = new AgentSlots(slotsMax);
  /** Of sockets that are kept, by the slots of the agent. */
  readonly keptSlots = new AgentSlots(agentSlotsMax);
  /** Epochs of the agent in which it told sockets that are kept, as their ids have them. */
  readonly epochs: string[] = [];
  /** Takes a socket that is kept no more. */
  left: TakeBack = () => {};
  readonly netns = new Map<number, PlainNetns>();
  /** What its processes are called. */
  labels = new WeakMap<Process, string>();
  /** Host-local networks. */
  networks: readonly Prefix[] = [];
  /** Those of IPv4. */
  networks4: readonly Network4[] = [];
  /** What it claims, and of that what is IPv4 as signed numbers. */
  addresses: ReadonlySet<IpAddress> = new Set();
  addresses4: ReadonlySet<number> = new Set();
  /** Numbers of its two address spaces beside those of namespaces; 0 = not asked for yet. */
  hostScope = 0;
  realmScope = 0;
  readonly #free: number[] = [];
  #next = 0;

  constructor(host: ReportingHost) {
    this.host = host;
    this.look();
    this.takeAddresses();
  }

  /** Takes over what its agent tells of its networks and its realm. */
  look(): void {
    this.networks = networksOf(this.host);
    this.networks4 = this.networks.filter(({ ip }) => !isIpv6(ip)).map(network4Of);
    this.hostScope = 0;
    this.realmScope = 0;
  }

  /** Takes over which addresses its agent claims. @returns whether it has let go of any */
  takeAddresses(): boolean {
    const before = this.addresses;
    const all = [...this.host.netns.values()].flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
    this.addresses = new Set(all);
    this.addresses4 = new Set(all.filter((ip) => !isIpv6(ip)).map((ip) => ipv4ToNumber(ip) | 0));
    return [...before].some((ip) => !this.addresses.has(ip));
  }

  /** Whether an address is its own: what it tells of others is for those to decide who know all claims. */
  has(ip: IpAddress): boolean {
    return isLoopback(ip) || this.addresses.has(ip);
  }

  /** The same of IPv4, by its number. */
  has4(ip: number): boolean {
    return ip >>> 24 === loopback4 || this.addresses4.has(ip);
  }

  takeSlot(): number {
    return this.#free.pop() ?? this.#next++;
  }

  freeSlot(slot: number): void {
    this.#free.push(slot);
  }

  /** The place of an epoch in `epochs`. */
  epochNumber(epoch: string): number {
    if (this.epochs.at(-1) !== epoch) this.epochs.push(epoch);
    return this.epochs.length - 1;
  }
}

/** Host-local ones of all its namespaces. */
export function networksOf(host: ReportingHost): readonly Prefix[] {
  return [...host.netns.values()].flatMap(({ localNetworks }) => localNetworks);
}

function network4Of({ ip, length }: Prefix): Network4 {
  return { address: ipv4ToNumber(ip) | 0, mask: length === 0 ? 0 : -1 << (32 - length) };
}
