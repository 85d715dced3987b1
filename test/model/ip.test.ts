/** One spelling per address: the ground on which everything is compared. */
import { describe, expect, it } from 'vitest';
import {
  formatIp,
  formatPrefix,
  ipBytes,
  isLoopback,
  isUnspecified,
  parseIp,
  parsePrefix,
  prefixContains,
} from '../../model/ip.ts';
import { fc } from '../support/random-cases.ts';

describe('addresses', () => {
  it.each([
    ['10.1.17.138', '10.1.17.138'],
    ['::ffff:10.1.17.138', '10.1.17.138'],
    ['::FFFF:0A01:118A', '10.1.17.138'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::', '::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::', 'fe80::'],
    ['1::', '1::'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['::10.0.0.1', '::a00:1'],
  ])('reads %s as %s', (text, ip) => {
    expect(parseIp(text)).toBe(ip);
  });

  it('reads the longest spelling, and looks at nothing that is longer', () => {
    expect(parseIp('0000:0000:0000:0000:0000:ffff:255.255.255.255')).toBe('255.255.255.255');
    expect(parseIp(`:${'.'.repeat(1 << 20)}x`)).toBeNull();
  });

  it.each([
    '',
    '10.1.2',
    '10.1.2.256',
    '10.01.2.3',
    '00.1.2.3',
    '10..2.3',
    '10.1.2.',
    '10.1.2.3.',
    '10.1.2.3.4',
    '10.1.2.-3',
    ' 10.1.2.3',
    '1:2:3',
    ':::',
    '1::2::3',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeNull();
  });

  it.each(['::1%lo', 'g::1', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8:9', '12345::', '::1.2.3', 'fe80::1/64'])(
    'refuses %j as IPv6',
    (text) => {
      expect(parseIp(text)).toBeNull();
    },
  );

  it('gives any 4 or 16 bytes one text that reads back as the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        const text = formatIp(address);
        expect(parseIp(text)).toBe(text);
        const back = ipBytes(text);
        expect([...back]).toEqual([...(back.length === 4 ? address.slice(-4) : address)]);
      }),
    );
  });

  it('names what it cannot turn into bytes', () => {
    expect(() => ipBytes('ten.one')).toThrow('not an IP address: "ten.one"');
    expect(() => formatIp(new Uint8Array(5))).toThrow('an IP address has 4 or 16 bytes, not 5');
  });

  it('knows loopback and unspecified', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
    expect(['128.0.0.1', '10.127.0.1', '::2'].some(isLoopback)).toBe(false);
    expect(['0.0.0.0', '::'].every(isUnspecified)).toBe(true);
  });
});

describe('prefixes', () => {
  it('clears host bits', () => {
    expect(formatPrefix(parsePrefix('10.1.2.3/8')!)).toBe('10.0.0.0/8');
    expect(formatPrefix(parsePrefix('fd00:1:2::3/33')!)).toBe('fd00:1::/33');
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/08', 'x/8'])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['172.17.0.0/16', '172.17.255.255', true],
    ['10.0.0.128/25', '10.0.0.127', false],
    ['fd00::/8', 'fdff::1', true],
    ['::/0', '10.0.0.1', false],
  ])('%s contains %s: %s', (prefix, ip, contained) => {
    expect(prefixContains(parsePrefix(prefix)!, ip)).toBe(contained);
  });
});
