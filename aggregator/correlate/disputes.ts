/** The addresses that more than one host of a realm says are its own, although it is not to be expected that they repeat. */
import type { IpAddress } from '../../model/ip.ts';
import { addTo, removeFrom } from './concerned.ts';
import type { ReportingHost } from './report.ts';

export interface Dispute {
  readonly realm: string;
  readonly ip: IpAddress;
  /** Who claims it now, in order of arrival: two or more. */
  readonly hosts: readonly ReportingHost[];
}

/** That a host has an address. */
export interface Contention {
  readonly host: ReportingHost;
  /** It may have the same address on other hosts by right, as containers of each host have. */
  readonly mayRepeat: boolean;
}

export class Disputes {
  /** By realm and address. There are no more than there are claims. */
  readonly #open = new Map<string, Dispute>();
  readonly #keysOf = new Map<ReportingHost, Set<string>>();

  get size(): number {
    return this.#open.size;
  }

  entries(): Iterable<readonly [key: string, dispute: Dispute]> {
    return this.#open;
  }

  /** Those that a host is one side of. */
  of(host: ReportingHost): readonly Dispute[] {
    return Array.from(this.#keysOf.get(host) ?? [], (key) => this.#open.get(key)!);
  }

  /** Finds out anew whether an address is disputed. @param claims of it, all of them */
  settle(key: string, ip: IpAddress, claims: readonly Contention[]): void {
    for (const host of this.#open.get(key)?.hosts ?? []) removeFrom(this.#keysOf, host, key);
    const hosts = isDisputed(claims) ? [...new Set(claims.map(({ host }) => host))] : [];
    if (hosts.length === 0) {
      this.#open.delete(key);
      return;
    }
    this.#open.set(key, { realm: hosts[0]!.realm, ip, hosts });
    for (const host of hosts) addTo(this.#keysOf, host, key);
  }
}

/** Where all of them may repeat, hosts have it as they have 172.17.0.1. */
function isDisputed(claims: readonly Contention[]): boolean {
  const first = claims[0]?.host;
  return claims.some(({ host }) => host !== first) && claims.some((claim) => !claim.mayRepeat);
}
