/** What is asked over ctnetlink, byte by byte, and what is made of the answers. */
import { describe, expect, it } from 'vitest';
import { parseConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import { encodeTranslatedFilter } from '../../../agent/netlink/conntrack-filter.ts';
import { ConntrackMessageError } from '../../../agent/netlink/conntrack-message.ts';
import { questionBytesMax, writeQuestion } from '../../../agent/netlink/conntrack-question.ts';
import {
  encodeStatisticsRequest,
  encodeTranslatedDump,
  parseStatistics,
  translatedFilters,
} from '../../../agent/netlink/conntrack-table.ts';
import type { Endpoint } from '../../../model/endpoint.ts';
import { formatIp } from '../../../model/ip.ts';
import { fc } from '../../support/random-cases.ts';
import { entryMessage, entryOf } from './conntrack-messages.ts';

function questionHex(local: Endpoint, remote: Endpoint, protocol: 'tcp' | 'udp'): string {
  const bytes = Buffer.alloc(questionBytesMax);
  const end = writeQuestion(bytes, 0, { protocol, tuple: { local, remote } }, 0x0102_0304);
  return bytes.toString('hex', 0, end);
}

describe('requests', () => {
  it('the entry of an IPv4 tuple', () => {
    expect(questionHex({ ip: '10.255.0.9', port: 443 }, { ip: '192.0.2.10', port: 65535 }, 'tcp')).toBe(
      '48000000' +
        '0101' +
        '0100' +
        '04030201' +
        '00000000' +
        '02000000' +
        '34000180' +
        '14000180' +
        '08000100' +
        '0aff0009' +
        '08000200' +
        'c000020a' +
        '1c000280' +
        '05000100' +
        '06000000' +
        '06000200' +
        '01bb0000' +
        '06000300' +
        'ffff0000',
    );
  });

  it('the entry of an IPv6 tuple', () => {
    expect(questionHex({ ip: 'fd00::1', port: 1 }, { ip: '2001:db8::2', port: 2 }, 'udp')).toBe(
      '60000000' +
        '0101' +
        '0100' +
        '04030201' +
        '00000000' +
        '0a000000' +
        '4c000180' +
        '2c000180' +
        `14000300fd${'00'.repeat(14)}01` +
        `1400040020010db8${'00'.repeat(11)}02` +
        '1c000280' +
        '05000100' +
        '11000000' +
        '06000200' +
        '00010000' +
        '06000300' +
        '00020000',
    );
  });

  it('the size of the table', () => {
    expect(encodeStatisticsRequest(5).toString('hex')).toBe(
      '14000000' + '0501' + '0100' + '05000000' + '00000000' + '00000000',
    );
  });

  it('all that is translated, in two dumps', () => {
    const attributes = translatedFilters.map((filter) =>
      encodeTranslatedDump(filter, 5).toString('hex').slice(40),
    );
    expect(attributes).toEqual([
      '08000300' + '00000010' + '08001a00' + '00000010',
      '08000300' + '00000020' + '08001a00' + '00000030',
    ]);
    expect(encodeTranslatedDump(translatedFilters[0], 5).toString('hex', 4, 8)).toBe('01010103');
  });

  it('the filter of events', () => {
    expect(encodeTranslatedFilter().toString('hex').match(/.{16}/g)).toEqual([
      '0000000014000000',
      '0100000003000000',
      '300000000cf0ffff',
      '1500040000000000',
      '0700000000000000',
      '4000000004000000',
      '4500010030000000',
      '0600000000000000',
      '06000000ffffffff',
    ]);
  });
});

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatIp);
/** Not an IPv4-mapped one, which conntrack has under IPv4. */
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  bytes[0] = 0xfd;
  return formatIp(bytes);
});
const port = fc.integer({ min: 0, max: 65535 });
const tuple = (ip: fc.Arbitrary<string>) =>
  fc.record({ source: fc.record({ ip, port }), destination: fc.record({ ip, port }) });
const entries = fc.constantFrom(ipv4, ipv6).chain((ip) =>
  fc.record({
    protocol: fc.constantFrom('tcp', 'udp'),
    original: tuple(ip),
    reply: tuple(ip),
    isTranslated: fc.boolean(),
    passedNat: fc.boolean(),
    zone: fc.integer({ min: 0, max: 65535 }),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    phase: fc.constantFrom('open', 'ending', 'over', null),
    expiresInS: fc.option(fc.integer({ min: 0, max: 432_000 })),
  }),
);

describe('entries', () => {
  it('as Linux 6.18 answered: TCP to another port than was dialed', () => {
    const recorded = `
      d4000000 0001 0200 00000000 00aa3500 02000000
      34000180 14000180080001000a090001080002000a090001 1c00028005000100060000000600020089220000 0600030000500000
      34000280 14000180080001000a090001080002000a090001 1c000280050001000600000006000200 1f900000 0600030089220000
      08000300 000001ae 08000800 00000000 08000c00 11fe88bf 08000b00 00000002 08000700 0006977f
      30000480 2c000180 0500010003000000 050002000a000000 050003000a000000 0600040023000000 0600050023000000`;
    const bytes = Buffer.from(recorded.replaceAll(/\s/g, ''), 'hex');
    expect(parseConntrackEntry(bytes, 0, bytes.length)).toEqual({
      protocol: 'tcp',
      original: { source: { ip: '10.9.0.1', port: 35106 }, destination: { ip: '10.9.0.1', port: 80 } },
      reply: { source: { ip: '10.9.0.1', port: 8080 }, destination: { ip: '10.9.0.1', port: 35106 } },
      isTranslated: true,
      passedNat: true,
      zone: 0,
      id: 0x11fe88bf,
      phase: 'open',
      expiresInS: 431_999,
    });
  });

  it('come back as they were encoded', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const bytes = entryMessage(entry);
        expect(parseConntrackEntry(bytes, 0, bytes.length)).toEqual(entry);
      }),
    );
  });

  it('of other protocols are none', () => {
    const bytes = entryMessage(entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1'));
    bytes[52] = 1;
    expect(parseConntrackEntry(bytes, 0, bytes.length)).toBeNull();
  });

  it.each([
    ['CTA_TUPLE_ORIG is absent', 20],
    ['CTA_TUPLE_IP is absent', 24],
    ['CTA_IP_SRC is absent', 28],
    ['CTA_TUPLE_PROTO is absent', 44],
    ['CTA_PROTO_NUM is absent', 48],
    ['CTA_TUPLE_REPLY is absent', 72],
    ['CTA_STATUS is absent', 124],
  ])('%s where its type is another', (message, at) => {
    const bytes = entryMessage(entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1'));
    bytes.writeUInt16LE(99, at + 2);
    expect(() => parseConntrackEntry(bytes, 0, bytes.length)).toThrow(new RegExp(`^${message}`));
  });

  it('an address of the wrong length', () => {
    const bytes = entryMessage(entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1'));
    bytes.writeUInt16LE(7, 28);
    expect(() => parseConntrackEntry(bytes, 0, bytes.length)).toThrow('CTA_IP_SRC has 3 bytes, not 4');
  });

  it('are parsed or refused by name, whatever the bytes', () => {
    fc.assert(
      fc.property(
        entries,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.nat(),
        (entry, changes, cut) => {
          const bytes = entryMessage(entry);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const end = bytes.length - (cut % 40);
          try {
            parseConntrackEntry(bytes, 0, end);
          } catch (error) {
            expect(error).toBeInstanceOf(ConntrackMessageError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

it('statistics without their number are refused', () => {
  const bytes = Buffer.from(`1c000000050100000500000000000000${'00000000'}0800010000000009`, 'hex');
  expect(parseStatistics(bytes, 0, bytes.length)).toBe(9);
  expect(() => parseStatistics(bytes, 0, 20)).toThrow('CTA_STATS_GLOBAL_ENTRIES is absent');
});
