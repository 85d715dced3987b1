/** Netlink messages as bytes: several in a datagram, broken lengths, nested attributes. */
import { describe, expect, it } from 'vitest';
import { parseLinkAddress } from '../../../agent/netlink/address.ts';
import {
  encodeAttribute,
  parseAttributes,
  readText,
  readU32,
  u32,
} from '../../../agent/netlink/attribute.ts';
import { linkDump, parseLink } from '../../../agent/netlink/link.ts';
import {
  encodeMessage,
  errnoOf,
  type NetlinkMessage,
  parseDatagram,
} from '../../../agent/netlink/message.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { fc } from '../../support/random-cases.ts';
import { newLink, newLinkAddress } from './messages.ts';

const message = (payload: string): NetlinkMessage => ({
  type: 16,
  flags: 2,
  sequence: 7,
  payload: Buffer.from(payload),
});

describe('a datagram', () => {
  it('holds several messages, each aligned to 4 bytes', () => {
    const padded = Buffer.concat([
      encodeMessage(message('abc')),
      Buffer.alloc(1),
      encodeMessage(message('defg')),
    ]);
    expect(parseDatagram(padded)).toEqual([message('abc'), message('defg')]);
  });

  it.each([
    ['a length beyond the end', 4000, 'cannot parse a datagram: message at byte 0 claims 4000 of 20 bytes'],
    [
      'a length shorter than the header',
      15,
      'cannot parse a datagram: message at byte 0 claims 15 of 20 bytes',
    ],
  ])('with %s is refused', (_, length, text) => {
    const bytes = encodeMessage(message('abcd'));
    bytes.writeUInt32LE(length, 0);
    expect(() => parseDatagram(bytes)).toThrow(new NetlinkError('parse a datagram', text.split(': ')[1]!));
    expect(() => parseDatagram(bytes)).toThrow(text);
  });

  it('that ends within a header is refused', () => {
    expect(() => parseDatagram(encodeMessage(message('')).subarray(0, 12))).toThrow('claims 0 of 12 bytes');
  });

  it('of any bytes is parsed or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          for (const one of parseDatagram(Buffer.from(bytes))) {
            parseLink(one);
            parseLinkAddress(one);
            errnoOf(one);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(NetlinkError);
        }
      }),
    );
  });
});

describe('attributes', () => {
  it('are read by type; flags in the type do not matter', () => {
    const bytes = Buffer.concat([
      encodeAttribute(3, Buffer.from('eth0\0')),
      encodeAttribute(0x8000 | 10, u32(5)),
    ]);
    const attributes = parseAttributes(bytes);
    expect(readText(attributes.get(3))).toBe('eth0');
    expect(readU32(attributes.get(10))).toBe(5);
    expect([
      readText(attributes.get(9)),
      readU32(attributes.get(9)),
      readU32(attributes.get(3)?.subarray(0, 2)),
    ]).toEqual([null, null, null]);
  });

  it('end where a length does not fit', () => {
    const bytes = Buffer.concat([encodeAttribute(1, u32(1)), Buffer.from([200, 0, 2, 0])]);
    expect([...parseAttributes(bytes).keys()]).toEqual([1]);
    expect([...parseAttributes(Buffer.from([0, 0, 0, 0])).keys()]).toEqual([]);
  });
});

describe('links', () => {
  it('the request skips statistics', () => {
    expect(linkDump.payload.toString('hex')).toBe(`${'00'.repeat(16)}08001d0008000000`);
  });

  it.each([
    ['a physical device', { index: 2, name: 'eth0', kind: null, masterIndex: null, peerNetnsId: null }],
    ['a bridge', { index: 3, name: 'docker0', kind: 'bridge', masterIndex: null, peerNetnsId: null }],
    ['a port', { index: 9, name: 'veth12', kind: 'veth', masterIndex: 3, peerNetnsId: 0 }],
  ])('%s', (_, link) => expect(parseLink(newLink(link))).toEqual(link));

  it('a bridge port announced under AF_BRIDGE is no link', () => {
    const one = newLink({ index: 9, name: 'veth12', kind: null, masterIndex: 3, peerNetnsId: null });
    one.payload[0] = 7;
    expect(parseLink(one)).toBeNull();
  });
});

describe('addresses', () => {
  it.each([
    ['10.0.0.1', 24],
    ['fd00::1', 64],
  ])('%s/%d', (ip, prefixLength) => {
    expect(parseLinkAddress(newLinkAddress({ linkIndex: 2, ip, prefixLength }))).toEqual({
      linkIndex: 2,
      ip,
      prefixLength,
    });
  });

  it('with a prefix that is longer than the address is none', () => {
    const address = newLinkAddress({ linkIndex: 2, ip: '10.0.0.1', prefixLength: 33 });
    expect(parseLinkAddress(address)).toBeNull();
  });

  it('of a point-to-point link is the local one, not the peer', () => {
    const one = newLinkAddress({ linkIndex: 2, ip: '10.0.0.1', prefixLength: 32 }, '10.0.0.2');
    expect(parseLinkAddress(one)?.ip).toBe('10.0.0.1');
  });
});
