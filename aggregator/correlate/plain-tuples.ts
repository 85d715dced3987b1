/** Tuples of objects as the core reads them: columns of one half. */

import type { FourTuple } from '../../model/four-tuple.ts';
import { type IpAddress, ipBytes, ipv4Word, isIpv6 } from '../../model/ip.ts';
import type { Addresses } from '../core/addresses.ts';
import { noAddress } from '../core/addresses.ts';
import { Halves } from '../core/halves.ts';

export class PlainTuple {
  /** Of one half. */
  readonly columns = new Halves(1);
  readonly #addresses: Addresses;

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  /**
   * Fills the columns of its key. Its addresses are in use until `release`.
   * @returns false where there is no room for them, or their families differ; nothing is in use then
   */
  fill({ local, remote }: FourTuple, scope: number): boolean {
    const { columns } = this;
    columns.local[0] = this.retain(local.ip);
    columns.remote[0] = this.retain(remote.ip);
    columns.ports[0] = (local.port << 16) | remote.port;
    columns.place[0] = scope << 1;
    const isFilled = columns.local[0] !== noAddress && columns.remote[0] !== noAddress;
    if (!isFilled) this.release();
    return isFilled;
  }

  release(): void {
    this.releaseWord(this.columns.local[0]!);
    this.releaseWord(this.columns.remote[0]!);
  }

  /** The reverse of retain. */
  releaseWord(address: number): void {
    this.#addresses.release(address);
  }

  /** One more use of an address. @returns its word, or noAddress where there is no room */
  retain(ip: IpAddress): number {
    if (!isIpv6(ip)) return this.#addresses.retainV4(ipv4Word(ip));
    const bytes = new DataView(ipBytes(ip).buffer);
    const word = (at: number): number => bytes.getInt32(at);
    return this.#addresses.retain(word(0), word(4), word(8), word(12));
  }
}
