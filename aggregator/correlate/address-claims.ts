/**
 * Which hosts say that an address is theirs: tells "no agent there" from "its agent does not show the socket", and gives
 * an unseen end its host. Loopback addresses are claimed by nobody.
 */
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import type { ReportingHost } from './report.ts';
import { isHostLocal } from './scope.ts';

export interface Claim {
  readonly host: ReportingHost;
  readonly netns: Netns;
}

export class AddressClaims {
  /** realm and address → claims, in order of arrival. */
  readonly #claims = new Map<string, Claim[]>();
  /** What each host claims now, to withdraw it when it claims anew. */
  readonly #keysOf = new Map<ReportingHost, string[]>();

  /** Takes over the current addresses of `host` in place of those it claimed before. */
  update(host: ReportingHost): void {
    this.remove(host);
    const keys: string[] = [];
    for (const netns of host.netns.values()) {
      for (const { ip } of netns.addresses) {
        if (isLoopback(ip)) continue;
        const key = claimKey(host.realm, ip);
        const claims = this.#claims.get(key);
        if (claims === undefined) this.#claims.set(key, [{ host, netns }]);
        else claims.push({ host, netns });
        keys.push(key);
      }
    }
    this.#keysOf.set(host, keys);
  }

  remove(host: ReportingHost): void {
    for (const key of this.#keysOf.get(host) ?? []) {
      const left = (this.#claims.get(key) ?? []).filter((claim) => claim.host !== host);
      if (left.length === 0) this.#claims.delete(key);
      else this.#claims.set(key, left);
    }
    this.#keysOf.delete(host);
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
      return own === undefined ? [] : [{ host: from, netns: own }];
    }
    const claims = this.#claims.get(claimKey(from.realm, ip)) ?? [];
    if (claims.length > 1 && isHostLocal(from, ip)) {
      const own = claims.filter((claim) => claim.host === from);
      if (own.length > 0) return own;
    }
    return claims;
  }
}

function claimKey(realm: string, ip: IpAddress): string {
  return `${realm}|${ip}`;
}
