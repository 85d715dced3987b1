/** IP addresses as programs write them, as text: 16 bytes in network order, an IPv4 address as ::ffff:a.b.c.d. */
import { formatIp, type IpAddress } from '../../model/ip.ts';

/** The third word of ::ffff:0:0/96. */
const mappedWord = 0xffff0000;

/** How many addresses are kept as text. Few distinct ones stand in many records. */
export const knownAddressesMax = 16_384;

/** Keeps the texts of addresses, so that equal ones are one string. */
export class AddressTexts {
  readonly #ipv4 = new Map<number, IpAddress>();
  readonly #ipv6 = new Map<string, IpAddress>();

  /** @param at index of the first of four words, which lie in memory as the address does */
  read(words: Uint32Array, at: number): IpAddress {
    const isIpv4 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === mappedWord;
    if (isIpv4)
      return this.#ipv4.get(words[at + 3]!) ?? remember(this.#ipv4, words[at + 3]!, bytesOf(words, at));
    const key = `${words[at]} ${words[at + 1]} ${words[at + 2]} ${words[at + 3]}`;
    return this.#ipv6.get(key) ?? remember(this.#ipv6, key, bytesOf(words, at));
  }
}

function bytesOf(words: Uint32Array, at: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + at * 4, 16);
}

function remember<K>(known: Map<K, IpAddress>, key: K, bytes: Uint8Array): IpAddress {
  if (known.size >= knownAddressesMax) known.clear();
  const ip = formatIp(bytes);
  known.set(key, ip);
  return ip;
}
