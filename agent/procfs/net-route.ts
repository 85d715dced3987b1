/**
 * /proc/PID/net/route: IPv4 routes. The directly connected ones tell the prefix length and the device that
 * net/fib_trie leaves out. Addresses are host words in hexadecimal (net/ipv4/fib_trie.c, fib_route_seq_show).
 */
import { formatIp, type Prefix, prefixOf } from '../../model/ip.ts';
import { isUnread, readProcFile, type Unread } from './proc-file.ts';

export interface ConnectedRoute {
  readonly device: string;
  readonly destination: Prefix;
}

/** @param path folder of a process in the namespace. */
export function readConnectedRoutes(path: string): ConnectedRoute[] | Unread {
  const bytes = readProcFile(`${path}/net/route`);
  return isUnread(bytes) ? bytes : parseConnectedRoutes(bytes.toString('latin1'));
}

/** Routes with no gateway and with a destination narrower than everything. Other lines are passed over. */
export function parseConnectedRoutes(text: string): ConnectedRoute[] {
  const routes: ConnectedRoute[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [device, destination, gateway, , , , , mask] = line.trim().split('\t');
    if (device === undefined || destination === undefined || mask === undefined) continue;
    if (gateway !== '00000000' || mask.trim() === '00000000') continue;
    const length = bitCount(Number.parseInt(mask, 16));
    routes.push({ device, destination: prefixOf(formatIp(hostWord(destination)), length) });
  }
  return routes;
}

/** The kernel prints the address as a number in host order: the last two digits are the first byte. */
function hostWord(hex: string): Uint8Array {
  const word = Number.parseInt(hex, 16);
  return Uint8Array.of(word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, word >>> 24);
}

function bitCount(word: number): number {
  let bits = 0;
  for (let rest = word >>> 0; rest !== 0; rest >>>= 1) bits += rest & 1;
  return bits;
}
