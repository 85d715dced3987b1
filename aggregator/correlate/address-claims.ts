/**
 * Which hosts say that an address is theirs: tells "no agent there" from "its agent does not show the socket", and gives
 * an unseen end its host. Loopback addresses are claimed by nobody.
 *
 * Anybody may say so. What several hosts claim is given to none of them: no claim ever takes an address from another host.
 * Where it is not to be expected that an address repeats, it is *disputed*, until all but one let go of it.
 */
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import { type Contention, Disputes } from './disputes.ts';
import { mayRepeat, networksAround } from './repeating-addresses.ts';
import type { ReportingHost } from './report.ts';
import { isHostLocal } from './scope.ts';

export interface Claim extends Contention {
  readonly netns: Netns;
}

export class AddressClaims {
  readonly disputes = new Disputes();
  /** realm and address → claims, in order of arrival. */
  readonly #claims = new Map<string, Claim[]>();
  /** What each host claims now, to withdraw it when it claims anew. */
  readonly #claimedBy = new Map<ReportingHost, ReadonlyMap<string, IpAddress>>();

  /** Takes over the current addresses of `host` in place of those it claimed before. */
  update(host: ReportingHost): void {
    const before = this.#withdraw(host);
    const networks = networksAround(host);
    const claimed = new Map<string, IpAddress>();
    for (const netns of host.netns.values()) {
      for (const address of netns.addresses) {
        if (isLoopback(address.ip)) continue;
        const key = claimKey(host.realm, address.ip);
        const claim = { host, netns, mayRepeat: mayRepeat(address, networks) };
        const claims = this.#claims.get(key);
        if (claims === undefined) this.#claims.set(key, [claim]);
        else claims.push(claim);
        claimed.set(key, address.ip);
      }
    }
    this.#claimedBy.set(host, claimed);
    this.#settle(before);
    this.#settle(claimed);
  }

  remove(host: ReportingHost): void {
    this.#settle(this.#withdraw(host));
  }

  isOf(host: ReportingHost, ip: IpAddress): boolean {
    return this.#claimedBy.get(host)?.has(claimKey(host.realm, ip)) ?? false;
  }

  /** Whether others say that `ip` is theirs, and `host` does not: an address that it cannot speak for. */
  isForeign(host: ReportingHost, ip: IpAddress): boolean {
    const claims = this.#claims.get(claimKey(host.realm, ip));
    return claims?.every((claim) => claim.host !== host) ?? false;
  }

  /**
   * Who owns `ip`, asked from a socket of `from` in namespace `netns`. Its own host answers first for loopback and for
   * host-local bridge subnets, whose addresses repeat elsewhere.
   */
  of(from: ReportingHost, netns: number, ip: IpAddress): readonly Claim[] {
    if (isLoopback(ip)) {
      const own = from.netns.get(netns);
      return own === undefined ? [] : [{ host: from, netns: own, mayRepeat: true }];
    }
    const claims = this.#claims.get(claimKey(from.realm, ip)) ?? [];
    if (claims.length > 1 && isHostLocal(from, ip)) {
      const own = claims.filter((claim) => claim.host === from);
      if (own.length > 0) return own;
    }
    return claims;
  }

  /** @returns what it claimed */
  #withdraw(host: ReportingHost): ReadonlyMap<string, IpAddress> {
    const claimed = this.#claimedBy.get(host) ?? new Map<string, IpAddress>();
    for (const key of claimed.keys()) {
      const left = (this.#claims.get(key) ?? []).filter((claim) => claim.host !== host);
      if (left.length === 0) this.#claims.delete(key);
      else this.#claims.set(key, left);
    }
    this.#claimedBy.delete(host);
    return claimed;
  }

  /** Finds out anew which of these are disputed. */
  #settle(addresses: ReadonlyMap<string, IpAddress>): void {
    for (const [key, ip] of addresses) this.disputes.settle(key, ip, this.#claims.get(key) ?? []);
  }
}

function claimKey(realm: string, ip: IpAddress): string {
  return `${realm}|${ip}`;
}
