/**
 * IP addresses and prefixes as canonical text: one spelling per address, so that text equality is address equality.
 *
 * IPv4 is dotted decimal without leading zeros. IPv6 is RFC 5952 (lower case, longest zero run compressed).
 * IPv4-mapped IPv6 (::ffff:a.b.c.d) is folded to the IPv4 address, because the kernel shows the two ends of one
 * connection in `tcp6` on one host and in `tcp` on the other. Zone indexes (fe80::1%eth0) are not addresses here.
 */

/** An IP address in the canonical spelling of this file. */
export type IpAddress = string;

/** An address block: `ip` with host bits cleared, and the prefix length in bits (0-32 or 0-128). */
export interface Prefix {
  readonly ip: IpAddress;
  readonly length: number;
}

/** Character codes. */
const [dot, zero] = [0x2e, 0x30];

const mappedHead = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** True for a canonical IPv6 address. A canonical IPv4 address never contains a colon. */
export function isIpv6(ip: IpAddress): boolean {
  return ip.includes(':');
}

/** A canonical IPv4 address as a signed number, without making anything else of it. */
export function ipv4Word(ip: IpAddress): number {
  let [word, part] = [0, 0];
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i);
    if (code === dotCode) [word, part] = [(word << 8) | part, 0];
    else part = part * 10 + code - zeroCode;
  }
  return (word << 8) | part;
}

const [dotCode, zeroCode] = [0x2e, 0x30];

/** Bytes of an address in network order (4 or 16) to its canonical text; folds IPv4-mapped addresses. */
export function formatIp(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  if (mappedHead.every((byte, i) => bytes[i] === byte)) return formatIp(bytes.subarray(12));
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  const run = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** Canonical address to its 4 or 16 bytes in network order. Throws RangeError when `ip` is not an address. */
export function ipBytes(ip: IpAddress): Uint8Array {
  const bytes = ip.includes(':') ? parseIpv6(ip) : parseIpv4(ip);
  if (bytes === null) throw new RangeError(`not an IP address: ${JSON.stringify(ip)}`);
  return bytes;
}

/** Letters of the longest spelling: six groups of four digits before an IPv4 address. What is longer is not looked at. */
const ipTextMax = 45;

/** Any usual spelling of an address (also `[v6]`-less, mapped, upper case) to the canonical one; null when it is none. */
export function parseIp(text: string): IpAddress | null {
  if (text.length > ipTextMax) return null;
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  return bytes === null ? null : formatIp(bytes);
}

/** Digit by digit: addresses are parsed by the hundred in every scan, and a text for each part is most of the work. */
function parseIpv4(text: string): Uint8Array | null {
  const bytes = new Uint8Array(4);
  let [part, digits, value] = [0, 0, 0];
  for (let i = 0; i <= text.length; i++) {
    // The end is as good as a dot.
    const code = i === text.length ? dot : text.charCodeAt(i);
    if (code === dot) {
      if (digits === 0 || part === 4) return null;
      bytes[part++] = value;
      [digits, value] = [0, 0];
      continue;
    }
    const digit = code - zero;
    const hasLeadingZero = digits > 0 && value === 0;
    if (digit < 0 || digit > 9 || hasLeadingZero) return null;
    value = value * 10 + digit;
    digits++;
    if (value > 255) return null;
  }
  return part === 4 ? bytes : null;
}

function parseIpv6(text: string): Uint8Array | null {
  const tail = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text);
  if (tail !== null) {
    const v4 = parseIpv4(tail[2]!);
    if (v4 === null) return null;
    const high = ((v4[0]! << 8) | v4[1]!).toString(16);
    const low = ((v4[2]! << 8) | v4[3]!).toString(16);
    return parseIpv6(`${tail[1]}${high}:${low}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const head = groups[0]!;
  const rest = groups[1];
  const missing = 8 - head.length - (rest?.length ?? 0);
  if (rest === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...Array<string>(rest === undefined ? 0 : missing).fill('0'), ...(rest ?? [])];
  const bytes = new Uint8Array(16);
  for (const [i, group] of all.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    const value = Number.parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  }
  return bytes;
}

/** `10.0.0.0/8` or `fd00::/8` to a prefix with host bits cleared; null when it is none. A bare address is not a prefix. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return null;
  const ip = parseIp(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (ip === null || !/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return null;
  const length = Number(lengthText);
  if (length > (isIpv6(ip) ? 128 : 32)) return null;
  return { ip: formatIp(maskBytes(ipBytes(ip), length)), length };
}

/** The prefix of `length` bits that holds `ip`. */
export function prefixOf(ip: IpAddress, length: number): Prefix {
  return { ip: formatIp(maskBytes(ipBytes(ip), length)), length };
}

/**
 * The length of a prefix around `ip`, which was told in 4 or 16 bytes: of an IPv4-mapped address what is left of its own 32
 * bits, and all of them where the prefix has other addresses too. Null when it is longer than the address.
 */
export function prefixLengthOf(ip: IpAddress, toldBytes: number, told: number): number | null {
  if (told > toldBytes * 8) return null;
  if (toldBytes === 4 || isIpv6(ip)) return told;
  return told < 96 ? 32 : told - 96;
}

/** `10.0.0.0/8`. */
export function formatPrefix(prefix: Prefix): string {
  return `${prefix.ip}/${prefix.length}`;
}

/** Whether `ip` lies in `prefix`; false across families. */
export function prefixContains(prefix: Prefix, ip: IpAddress): boolean {
  const isV6 = isIpv6(ip);
  if (isIpv6(prefix.ip) !== isV6) return false;
  if (!isV6) {
    const mask = prefix.length === 0 ? 0 : -1 << (32 - prefix.length);
    return ((ipv4Word(ip) ^ ipv4Word(prefix.ip)) & mask) === 0;
  }
  const network = ipBytes(prefix.ip);
  const masked = maskBytes(ipBytes(ip), prefix.length);
  return network.every((byte, i) => masked[i] === byte);
}

function maskBytes(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, length - 8 * i));
    return byte & (0xff00 >> bits) & 0xff;
  });
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(ip: IpAddress): boolean {
  return ip === '::1' || ip.startsWith('127.');
}

/** 0.0.0.0 and ::, which stand for "any address" in a listener and for "no peer" as a remote. */
export function isUnspecified(ip: IpAddress): boolean {
  return ip === '0.0.0.0' || ip === '::';
}
