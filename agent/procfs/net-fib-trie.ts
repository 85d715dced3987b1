/**
 * /proc/PID/net/fib_trie: the IPv4 routing tables of a namespace. Its `host LOCAL` leaves of 32 bits are the addresses
 * that the namespace answers to, which no other file of /proc lists for IPv4 (net/ipv4/fib_trie.c, fib_trie_seq_show).
 */
import { type IpAddress, parseIp } from '../../model/ip.ts';
import { isUnread, readProcFile, type Unread } from './proc-file.ts';

/** How much of the trie is read: a router with a full table has tens of megabytes of leaves that are no addresses. */
export const fibTrieBytesMax = 8 << 20;

/** @param path folder of a process in the namespace. */
export function readLocalAddresses(path: string): IpAddress[] | Unread {
  const bytes = readProcFile(`${path}/net/fib_trie`, fibTrieBytesMax);
  return isUnread(bytes) ? bytes : parseFibTrie(bytes.toString('latin1'));
}

/** Each address once (the main and the local table may both list it), in the order of the file. */
export function parseFibTrie(text: string): IpAddress[] {
  const addresses = new Set<IpAddress>();
  // A leaf `|-- ADDRESS` is followed by one line for each prefix length and scope that it is known under.
  for (const leaf of text.matchAll(/\|-- ([0-9.]+)\n((?: +\/\d+ .*\n?)*)/g)) {
    const ip = parseIp(leaf[1]!);
    if (ip !== null && /\/32 host LOCAL/.test(leaf[2]!)) addresses.add(ip);
  }
  return [...addresses];
}
