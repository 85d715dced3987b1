/**
 * Numbers for what the core tells halves apart by: address spaces, namespaces, and who has a socket. All sockets of one
 * name in one namespace have one holder; with the last of them it is gone.
 */
import type { IpAddress, Prefix } from '../../model/ip.ts';
import { defaultEphemeralPorts } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';
import { Holders } from '../core/holders.ts';
import type { Names } from '../graph/names.ts';
import { loopback4, networksOf, PlainHost, type PlainNetns } from './plain-host.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';
import { hostScope, netnsScope, realmScope, scopeAmong } from './scope.ts';

/** What a scope number stands for. */
export interface AddressSpace {
  /** As of correlate/scope.ts. */
  readonly text: string;
  readonly realm: string;
}

type LabelOf = (process: Process, host: ReportingHost) => string;

interface HolderEnd {
  readonly netns: PlainNetns;
  readonly label: string;
  readonly name: number;
  uses: number;
}

export class PlainHosts {
  readonly holders: Holders;
  readonly #names: Names;
  readonly #labelOf: LabelOf;
  readonly #hosts = new Map<ReportingHost, PlainHost>();
  readonly #ends: (HolderEnd | undefined)[] = [];
  /** By the texts of correlate/scope.ts. */
  readonly #scopes = new Map<string, number>();
  readonly #spaces = new Map<number, AddressSpace>();
  /** Texts of those that no host has any more, and since when. */
  readonly #unused = new Map<string, number>();
  #lastScope = 0;

  /** @param labelOf what an end is called whose owner is known */
  constructor(holdersMax: number, names: Names, labelOf: LabelOf) {
    this.holders = new Holders(holdersMax);
    this.#names = names;
    this.#labelOf = labelOf;
  }

  /** Entries that grow with what is reported, but for what is known of each host. */
  get size(): number {
    return this.holders.size;
  }

  known(host: ReportingHost): PlainHost | undefined {
    return this.#hosts.get(host);
  }

  of(host: ReportingHost): PlainHost {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const begun = new PlainHost(host);
    this.#hosts.set(host, begun);
    return begun;
  }

  netnsOf({ host, netns: inode }: Pick<ReportedSocket, 'host' | 'netns'>): PlainNetns {
    const plain = this.of(host);
    const known = plain.netns.get(inode);
    if (known !== undefined) return known;
    const ephemeralPorts = host.netns.get(inode)?.ephemeralPorts ?? defaultEphemeralPorts;
    const scope = this.scopeNumber(netnsScope(host, inode), host);
    const begun = { host: plain, inode, scope, ephemeralPorts, holders: new Map<string, number>() };
    plain.netns.set(inode, begun);
    return begun;
  }

  /** No socket of a host is in the core any more. */
  drop(host: ReportingHost, nowMs: number): void {
    for (const inode of this.#hosts.get(host)?.netns.keys() ?? []) {
      this.#unused.set(netnsScope(host, inode), nowMs);
    }
    this.#unused.set(hostScope(host), nowMs);
    this.#hosts.delete(host);
  }

  /** Its realm, networks, names or ranges of ports are others, and nothing that this concerns is in the core. */
  refresh(host: ReportingHost): void {
    const plain = this.#hosts.get(host);
    if (plain === undefined) return;
    plain.look();
    plain.labels = new WeakMap();
    for (const [inode, netns] of plain.netns) {
      this.#describe(netnsScope(host, inode), host.realm);
      const ephemeralPorts = host.netns.get(inode)?.ephemeralPorts ?? netns.ephemeralPorts;
      plain.netns.set(inode, { ...netns, ephemeralPorts, holders: new Map() });
    }
    this.#describe(hostScope(host), host.realm);
  }

  /** As PlainHost.takeAddresses; false where nothing of the host is in the core. */
  takeAddresses(host: ReportingHost): boolean {
    return this.#hosts.get(host)?.takeAddresses() ?? false;
  }

  /** Forgets namespaces that the host has no more. */
  prune(host: ReportingHost, nowMs: number): void {
    const plain = this.#hosts.get(host);
    for (const [inode, { holders }] of plain?.netns ?? []) {
      if (host.netns.has(inode) || holders.size > 0) continue;
      this.#unused.set(netnsScope(host, inode), nowMs);
      plain!.netns.delete(inode);
    }
  }

  /** Gives back the numbers of address spaces of which nothing lingers any more. */
  expire(nowMs: number, lingerMs: number): void {
    for (const [text, sinceMs] of this.#unused) {
      if (nowMs - sinceMs < 2 * lingerMs) break;
      this.#unused.delete(text);
      this.#spaces.delete(this.#scopes.get(text) ?? 0);
      this.#scopes.delete(text);
    }
  }

  /** Number of an address space. @param text of correlate/scope.ts */
  scopeNumber(text: string, { realm }: ReportingHost): number {
    const known = this.#scopes.get(text);
    if (this.#unused.size > 0) this.#unused.delete(text);
    if (known !== undefined) return known;
    const scope = ++this.#lastScope;
    this.#scopes.set(text, scope);
    this.#spaces.set(scope, { text, realm });
    return scope;
  }

  /** The address space of a tuple of that namespace. */
  scopeOf(
    netns: PlainNetns,
    local: IpAddress,
    remote: IpAddress,
    networks: readonly Prefix[] = netns.host.networks,
  ): number {
    const { host } = netns.host;
    const kind = scopeAmong(networks, local, remote);
    if (kind === 'netns') return netns.scope;
    return this.scopeNumber(kind === 'host' ? hostScope(host) : realmScope(host), host);
  }

  /** The same by addresses as signed numbers. */
  scopeOf4({ host: plain, scope }: PlainNetns, local: number, remote: number): number {
    const { host } = plain;
    if (local >>> 24 === loopback4 || remote >>> 24 === loopback4) return scope;
    for (const { address, mask } of plain.networks4) {
      if ((local & mask) !== address || (remote & mask) !== address) continue;
      plain.hostScope ||= this.scopeNumber(hostScope(host), host);
      return plain.hostScope;
    }
    plain.realmScope ||= this.scopeNumber(realmScope(host), host);
    return plain.realmScope;
  }

  /** Whether a socket is in another address space than it was, by that scope, or at an address that is not its host's any more. */
  hasMoved(socket: ReportedSocket, scope: number): boolean {
    const netns = this.netnsOf(socket);
    if (!netns.host.has(socket.local.ip)) return true;
    const now = this.scopeOf(netns, socket.local.ip, socket.remote.ip, networksOf(socket.host));
    return now !== scope || this.spaceOf(netns.scope)!.realm !== socket.host.realm;
  }

  /** Undefined where its host has been lost for long. */
  spaceOf(scope: number): AddressSpace | undefined {
    return this.#spaces.get(scope);
  }

  /** One more socket of the holder that a process is. @returns its number, or -1 where there are too many */
  retain(netns: PlainNetns, process: Process): number {
    const label = this.labelOf(netns.host, process);
    const known = netns.holders.get(label);
    if (known !== undefined) {
      this.#ends[known]!.uses++;
      return known;
    }
    const name = this.#names.retain(label);
    const { scope, ephemeralPorts } = netns;
    const number = this.holders.add({ host: 0, netns: scope, name, ephemeralPorts });
    if (number < 0) this.#names.release(name);
    else {
      netns.holders.set(label, number);
      this.#ends[number] = { netns, label, name, uses: 1 };
    }
    return number;
  }

  release(holder: number): void {
    const end = this.#ends[holder]!;
    end.uses--;
    if (end.uses > 0) return;
    if (end.netns.holders.get(end.label) === holder) end.netns.holders.delete(end.label);
    this.#names.release(end.name);
    this.#ends[holder] = undefined;
    this.holders.remove(holder);
  }

  /** The namespace of a holder that has sockets. */
  netnsOfHolder(holder: number): PlainNetns {
    return this.#ends[holder]!.netns;
  }

  /** Whether a socket is called as its holder is. */
  isCalled(holder: number, socket: ReportedSocket): boolean {
    const { netns, label } = this.#ends[holder]!;
    return this.labelOf(netns.host, socket.owners[0]!.process) === label;
  }

  labelOfHolder(holder: number): string {
    return this.#ends[holder]!.label;
  }

  /** By number: 1 for the scopes that are known to be of other realms. */
  scopesBeyond(realm: string): Uint8Array {
    const isBeyond = new Uint8Array(this.#lastScope + 1);
    for (const [scope, space] of this.#spaces) if (space.realm !== realm) isBeyond[scope] = 1;
    return isBeyond;
  }

  /** By number: 1 for the holders that go by that name, or whose hosts do. */
  holdersCalled(name: string): Uint8Array {
    const isCalled = new Uint8Array(this.#ends.length);
    for (const [holder, end] of this.#ends.entries()) {
      if (end?.label === name || end?.netns.host.host.name === name) isCalled[holder] = 1;
    }
    return isCalled;
  }

  labelOf({ host, labels }: PlainHost, process: Process): string {
    const known = labels.get(process);
    if (known !== undefined) return known;
    const label = this.#labelOf(process, host);
    labels.set(process, label);
    return label;
  }

  #describe(text: string, realm: string): void {
    const scope = this.#scopes.get(text);
    if (scope !== undefined) this.#spaces.set(scope, { text, realm });
  }
}
