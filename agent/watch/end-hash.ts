/**
 * A number for one end of a connection: its four-tuple and namespace. Ends are remembered by the hundred thousand, where
 * a text for each would be most of the work.
 *
 * 52 bits: of a million ends, two have the same number with a chance of 1 in 10,000.
 */
import type { FourTuple } from '../../model/four-tuple.ts';

/** How many addresses are kept with their number. Few distinct ones stand in many ends. */
export const hashedAddressesMax = 16_384;

/** Odd, and without a pattern in their bits. */
const [lowFactor, highFactor] = [0x9e3779b1, 0x85ebca6b];

export class EndHashes {
  readonly #addresses = new Map<string, number>();

  of({ netns, local, remote }: FourTuple & { readonly netns: number }): number {
    const addresses = Math.imul(this.#address(local.ip), 31) ^ this.#address(remote.ip);
    let low = Math.imul(addresses ^ netns, lowFactor);
    low = Math.imul((low ^ (low >>> 15)) + local.port, lowFactor);
    low = Math.imul((low ^ (low >>> 15)) + remote.port, lowFactor);
    let high = Math.imul(addresses + local.port, highFactor);
    high = Math.imul((high ^ (high >>> 13)) + remote.port, highFactor);
    high = Math.imul((high ^ (high >>> 13)) + netns, highFactor);
    return ((low ^ (low >>> 16)) >>> 0) + ((high ^ (high >>> 16)) & 0xfffff) * 2 ** 32;
  }

  #address(ip: string): number {
    const known = this.#addresses.get(ip);
    if (known !== undefined) return known;
    if (this.#addresses.size >= hashedAddressesMax) this.#addresses.clear();
    // FNV-1a.
    let hash = 0x811c9dc5;
    for (let i = 0; i < ip.length; i++) hash = Math.imul(hash ^ ip.charCodeAt(i), 0x01000193);
    this.#addresses.set(ip, hash);
    return hash;
  }
}
