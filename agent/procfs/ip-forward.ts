/**
 * Whether this host passes packets on: /proc/sys/net/ipv4/ip_forward and its counterpart for IPv6 (ip-sysctl.rst). The
 * files show the READER's network namespace.
 */
import { isUnread, readRecordFile } from './proc-file.ts';

const switches = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'] as const;

export function readForwarding(procRoot: string): boolean {
  return switches.some((file) => {
    const bytes = readRecordFile(`${procRoot}/sys/net/${file}`);
    return !isUnread(bytes) && bytes.toString('latin1').trim() === '1';
  });
}
