/** Sockets by the address that the wire shows of them, where it is not their host's for sure: for when it turns out whose it is. */
import type { IpAddress } from '../../model/ip.ts';
import { addTo, removeFrom } from './concerned.ts';
import type { ReportedSocket } from './report.ts';

export class StandingIndex {
  readonly #addressOf = new Map<ReportedSocket, IpAddress>();
  readonly #byAddress = new Map<IpAddress, Set<ReportedSocket>>();

  get size(): number {
    return this.#addressOf.size + this.#byAddress.size;
  }

  /** @param ip null = it has no place here */
  file(socket: ReportedSocket, ip: IpAddress | null): void {
    if (ip === null) return;
    this.#addressOf.set(socket, ip);
    addTo(this.#byAddress, ip, socket);
  }

  unfile(socket: ReportedSocket): void {
    const ip = this.#addressOf.get(socket);
    if (ip === undefined) return;
    this.#addressOf.delete(socket);
    removeFrom(this.#byAddress, ip, socket);
  }

  at(ip: IpAddress): ReportedSocket[] {
    return [...(this.#byAddress.get(ip) ?? [])];
  }
}
