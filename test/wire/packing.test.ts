/** Several values in one u32. */
import { describe, expect, test } from 'vitest';
import { formatIp } from '../../model/ip.ts';
import {
  clampU32,
  ip16Bytes,
  ipv4FromNumber,
  ipv4ToNumber,
  packMeta,
  packPorts,
  unpackMeta,
  unpackPorts,
} from '../../wire/packing.ts';
import { fc } from '../support/random-cases.ts';

describe('packing', () => {
  test('IPv4 has its most significant byte first', () => {
    expect(ipv4ToNumber('10.0.0.1')).toBe(0x0a000001);
    expect(ipv4ToNumber('255.255.255.254')).toBe(0xfffffffe);
    expect(() => ipv4ToNumber('::1')).toThrow('not an IPv4 address: "::1"');
  });

  test('numbers and addresses are each other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (number) => {
        expect(ipv4ToNumber(ipv4FromNumber(number))).toBe(number);
      }),
    );
  });

  test('an IPv4 address in the dictionary is IPv4-mapped, and folds back', () => {
    expect(Buffer.from(ip16Bytes('10.1.2.3')).toString('hex')).toBe('00000000000000000000ffff0a010203');
    expect(formatIp(ip16Bytes('10.1.2.3'))).toBe('10.1.2.3');
    expect(formatIp(ip16Bytes('fd00::1'))).toBe('fd00::1');
  });

  test('ports, at their bounds', () => {
    expect(packPorts(65535, 0)).toBe(0xffff0000);
    expect(unpackPorts(0xffff0001)).toEqual({ local: 65535, remote: 1 });
  });

  test('meta keeps protocol, state and family, and knows what it does not know', () => {
    const meta = { protocol: 'udp', state: 'unconnected', v6: true, byConntrack: false } as const;
    expect(packMeta(meta)).toBe(7 | (17 << 8) | (1 << 16));
    expect(unpackMeta(packMeta(meta))).toEqual(meta);
    expect(unpackMeta(1 | (58 << 8))).toBeNull();
    expect(unpackMeta(0 | (6 << 8))).toBeNull();
  });

  test('a value that a column cannot hold is cut', () => {
    expect([clampU32(-1), clampU32(1.6), clampU32(2 ** 33)]).toEqual([0, 2, 0xffffffff]);
  });
});
