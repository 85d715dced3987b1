/** Promises that hold for what many readers make. */

import { plainText } from '../cli/format/plain-text.ts';
import { type IpAddress, isIpv6, type Prefix, parseIp, prefixOf } from '../model/ip.ts';
import { expectThat } from './target.ts';

/** An address in its one spelling. */
export function expectIp(ip: IpAddress): void {
  expectThat(parseIp(ip) === ip, 'an address is spelled as everywhere', ip);
}

/** With host bits cleared, and no longer than its family has bits. */
export function expectPrefix(prefix: Prefix): void {
  expectPrefixLength(prefix.ip, prefix.length);
  expectThat(prefixOf(prefix.ip, prefix.length).ip === prefix.ip, 'a prefix has no host bits', prefix);
}

export function expectPrefixLength(ip: IpAddress, length: number): void {
  expectIp(ip);
  const bits = isIpv6(ip) ? 128 : 32;
  expectThat(
    Number.isInteger(length) && length >= 0 && length <= bits,
    'a prefix is no longer than its address',
    [ip, length],
  );
}

export function expectPort(port: number): void {
  expectThat(Number.isInteger(port) && port >= 0 && port <= 65535, 'a port has 16 bits', port);
}

/** A whole number from 0 on, exact. */
export function expectCount(value: number, what: string): void {
  expectThat(Number.isSafeInteger(value) && value >= 0, `${what} is a whole number`, value);
}

/** One line for people, in which nothing moves the cursor. */
export function expectOneLine(text: string, what: string): void {
  expectThat(plainText(text) === text, `${what} is one line of plain text`, text);
}
