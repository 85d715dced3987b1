/** Translated sockets by the address that the wire shows of them, for when it turns out whose that is. */
import type { IpAddress } from '../../model/ip.ts';
import { outermost } from '../../model/translation.ts';
import { addTo, removeFrom } from './concerned.ts';
import type { ReportedSocket } from './report.ts';

export class OutermostIndex {
  readonly #addressOf = new Map<ReportedSocket, IpAddress>();
  readonly #byAddress = new Map<IpAddress, Set<ReportedSocket>>();

  get size(): number {
    return this.#addressOf.size + this.#byAddress.size;
  }

  /** One that is not translated has no place here. */
  file(socket: ReportedSocket): void {
    if (socket.translation === null || socket.translation.stages.length === 0) return;
    const { ip } = outermost(socket, socket.translation).local;
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
