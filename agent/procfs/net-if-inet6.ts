/** /proc/PID/net/if_inet6: IPv6 addresses of a namespace (net/ipv6/addrconf.c, if6_seq_show). */
import { formatIp, prefixLengthOf } from '../../model/ip.ts';
import type { InterfaceAddress } from '../../model/netns.ts';
import { isUnread, readProcFile, type Unread } from './proc-file.ts';

/** @param path folder of a process in the namespace. `gone` too where IPv6 is switched off. */
export function readIfInet6(path: string): InterfaceAddress[] | Unread {
  const bytes = readProcFile(`${path}/net/if_inet6`);
  return isUnread(bytes) ? bytes : parseIfInet6(bytes.toString('latin1'));
}

/** Columns: address (32 digits in network order), interface index, prefix length, scope, flags (hexadecimal), device. */
export function parseIfInet6(text: string): InterfaceAddress[] {
  const addresses: InterfaceAddress[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{32}) [0-9a-f]+ ([0-9a-f]{2}) [0-9a-f]+ [0-9a-f]+ +(\S+)$/.exec(line);
    if (match === null) continue;
    const ip = formatIp(Buffer.from(match[1]!, 'hex'));
    const prefixLength = prefixLengthOf(ip, 16, Number.parseInt(match[2]!, 16));
    if (prefixLength !== null) addresses.push({ ip, prefixLength, device: match[3]! });
  }
  return addresses;
}
