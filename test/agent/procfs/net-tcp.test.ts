/** Socket tables: the founding example, every broken column, and the forms that kernels print. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSocketTable, type SocketTable, SocketTableParser } from '../../../agent/procfs/net-tcp.ts';
import { formatEndpoint, parseEndpoint } from '../../../model/endpoint.ts';
import { parseIp } from '../../../model/ip.ts';
import type { SocketRow } from '../../../model/socket.ts';
import { fc } from '../../support/random-cases.ts';

const netns = 4026531992;
const fixtureFolder = `${import.meta.dirname}/../../fixtures`;

function parse(text: string, table: SocketTable = 'tcp'): SocketTableParser {
  return parseSocketTable(Buffer.from(text), { table, file: `/proc/1/net/${table}`, netns });
}

/** `state local remote inode uid`, as a person would compare rows. */
function inWords({ state, local, remote, inode, uid }: SocketRow): string {
  return [state, formatEndpoint(local), formatEndpoint(remote), inode, uid].join(' ');
}

describe('the founding example', () => {
  const parsed = parse(readFileSync(`${fixtureFolder}/proc-net-tcp.txt`, 'utf8'));

  it('has every row of an old kernel, also those with fewer columns', () => {
    expect(parsed.malformed).toEqual([]);
    expect(parsed.rows.map(inWords)).toEqual([
      'listen 10.1.17.138:32200 0.0.0.0:0 764789417 0',
      'listen 10.1.17.138:873 0.0.0.0:0 737748331 0',
      'time-wait 10.1.17.138:64244 10.1.1.156:3306 0 0',
      'established 10.1.17.138:8653 10.1.100.9:8743 2305224138 0',
      'time-wait 10.1.17.138:64394 10.1.1.156:3306 0 0',
      'time-wait 10.1.17.138:29669 10.1.17.69:80 0 0',
      'close-wait 10.1.17.138:35245 10.1.0.243:8080 2305271480 0',
      'time-wait 10.1.17.138:2763 10.1.17.136:8080 0 0',
      'time-wait 10.1.17.138:64364 10.1.1.156:3306 0 0',
    ]);
  });

  it('is found by the inode of fd 101', () => {
    expect(parsed.rows.find(({ inode }) => inode === 2305224138)).toEqual({
      protocol: 'tcp',
      state: 'established',
      local: { ip: '10.1.17.138', port: 8653 },
      remote: { ip: '10.1.100.9', port: 8743 },
      inode: 2305224138,
      uid: 0,
      netns,
      owners: [],
    });
  });

  it('shows the tuples that netstat printed there', () => {
    const printed = readFileSync(`${fixtureFolder}/netstat-ntp.txt`, 'utf8')
      .split('\n')
      .slice(2)
      .filter((line) => line !== '')
      .map((line) => line.split(/\s+/).slice(3, 6));
    const tuples = parsed.rows.map(
      ({ local, remote }) => `${formatEndpoint(local)} ${formatEndpoint(remote)}`,
    );
    const common = printed.filter(([local, remote]) => tuples.includes(`${local} ${remote}`));
    expect(common.map(([local]) => local)).toEqual([
      '10.1.17.138:64244',
      '10.1.17.138:8653',
      '10.1.17.138:64394',
      '10.1.17.138:29669',
    ]);
    // Its last row is IPv4-mapped, as Java servers show.
    expect(printed.at(-1)).toEqual(['::ffff:10.1.17.138:8080', '::ffff:10.1.17.136:27247', 'TIME_WAIT']);
    expect(parseIp('::ffff:10.1.17.138')).toBe('10.1.17.138');
  });
});

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const good =
  '   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 20\n';

describe('a broken column', () => {
  const broken: readonly (readonly [string, string, string])[] = [
    ['sl', '   0 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 0 0 5', '0'],
    ['local_address', '   0: 0100007:1F90 0100007F:C350 01 0:0 00:0 0 0 0 5', '0100007:1F90'],
    ['local_address', '   0: 0100007G:1F90 0100007F:C350 01 0:0 00:0 0 0 0 5', '0100007G:1F90'],
    ['local_address', '   0: 0100007F-1F90 0100007F:C350 01 0:0 00:0 0 0 0 5', '0100007F-1F90'],
    ['local_address', '   0:', ''],
    ['rem_address', '   0: 0100007F:1F90 0100007F:C35X 01 0:0 00:0 0 0 0 5', '0100007F:C35X'],
    ['rem_address', '   0: 0100007F:1F90', ''],
    ['st', '   0: 0100007F:1F90 0100007F:C350 00 0:0 00:0 0 0 0 5', '00'],
    ['st', '   0: 0100007F:1F90 0100007F:C350 0D 0:0 00:0 0 0 0 5', '0D'],
    ['st', '   0: 0100007F:1F90 0100007F:C350 1 0:0 00:0 0 0 0 5', '1'],
    ['tx_queue rx_queue', '   0: 0100007F:1F90 0100007F:C350 01', ''],
    ['tr tm->when', '   0: 0100007F:1F90 0100007F:C350 01 0:0', ''],
    ['retrnsmt', '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0', ''],
    ['uid', '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 -1 0 5', '-1'],
    ['timeout', '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 0', ''],
    ['inode', '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 0 0 5a', '5a'],
    ['inode', '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 0 0', ''],
    [
      'inode',
      '   0: 0100007F:1F90 0100007F:C350 01 0:0 00:0 0 0 0 99999999999999999999',
      '99999999999999999999',
    ],
  ];

  it.each(broken)('%s is told, and costs no other row: %s', (column, line, text) => {
    const parsed = parse(`${header}${good}${line}\n${good}`);
    expect(parsed.malformed).toEqual([{ file: '/proc/1/net/tcp', line: 3, column, text }]);
    expect(parsed.malformedTotal).toBe(1);
    expect(parsed.rows.map(inWords)).toEqual(
      Array(2).fill('established 127.0.0.1:8080 127.0.0.1:50000 4711 1000'),
    );
  });

  it('is called as the header of tcp6 calls it', () => {
    const row = `   0: ${'0'.repeat(32)}:1F90 ${'0'.repeat(31)}:0000 0A 0:0 00:0 0 0 0 5\n`;
    expect(parse(header + row, 'tcp6').malformed[0]?.column).toBe('remote_address');
  });

  it('is cut to 80 characters, and only the first 16 are kept with their text', () => {
    const parsed = parse(header + `   0: ${'x'.repeat(200)}\n`.repeat(20) + good);
    expect(parsed.malformed).toHaveLength(16);
    expect(parsed.malformedTotal).toBe(20);
    expect(parsed.malformed[0]!.text).toBe('x'.repeat(80));
    expect(parsed.rows).toHaveLength(1);
  });

  it('never throws, and accounts for every line', () => {
    const alphabet = fc.constantFrom(...'0123456789ABCDEFabcdefx:- \n'.split(''));
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 400 }), (text) => {
        const parsed = parse(header + text);
        const lines = text.split('\n').filter((line) => line.trim() !== '').length;
        expect(parsed.rows.length + parsed.malformedTotal).toBe(lines);
      }),
    );
  });
});

describe('the forms of a table', () => {
  const cases: readonly (readonly [string, SocketTable, string, string])[] = [
    [
      'IPv6',
      'tcp6',
      '0: B80D0120000000000000000001000000:01BB B80D0120000000000000000002000000:C350 01',
      'established [2001:db8::1]:443 [2001:db8::2]:50000 7 33',
    ],
    [
      'IPv4-mapped',
      'tcp6',
      '0: 0000000000000000FFFF00008A11010A:1F90 0000000000000000FFFF00008811010A:6A6F 08',
      'close-wait 10.1.17.138:8080 10.1.17.136:27247 7 33',
    ],
    [
      'a listener on every address',
      'tcp6',
      `0: ${'0'.repeat(32)}:0016 ${'0'.repeat(32)}:0000 0A`,
      'listen [::]:22 [::]:0 7 33',
    ],
    [
      'an unconnected UDP socket',
      'udp',
      '1234: 00000000:0035 00000000:0000 07',
      'unconnected 0.0.0.0:53 0.0.0.0:0 7 33',
    ],
    [
      'a connected UDP socket',
      'udp',
      '1234: 0100007F:0035 0200007F:0035 01',
      'established 127.0.0.1:53 127.0.0.2:53 7 33',
    ],
    [
      'a request socket',
      'tcp',
      '0: 0100007F:0050 0100007F:C350 0C',
      'syn-recv 127.0.0.1:80 127.0.0.1:50000 7 33',
    ],
    [
      'a row number of six digits',
      'tcp',
      '123456: 0100007F:0050 0100007F:C350 03',
      'syn-recv 127.0.0.1:80 127.0.0.1:50000 7 33',
    ],
  ];

  it.each(cases)('%s', (_, table, columns, words) => {
    const text = `${header}${columns} 00000000:00000000 00:00000000 00000000    33        0 7 2 0\n`;
    expect(parse(text, table).rows.map(inWords)).toEqual([words]);
  });

  it('a UDP socket has no other state', () => {
    const text = `${header}1: 0100007F:0035 0200007F:0035 0A 0:0 00:0 0 0 0 5\n`;
    expect(parse(text, 'udp').malformed).toEqual([
      { file: '/proc/1/net/udp', line: 2, column: 'st', text: '0A' },
    ]);
  });

  it.each([
    ['without its last newline', header + good.trimEnd(), 1],
    ['without a header', good + good, 2],
    ['with a header alone', header, 0],
    ['empty', '', 0],
  ])('%s', (_, text, rows) => {
    expect(parse(text).rows).toHaveLength(rows);
    expect(parse(text).malformedTotal).toBe(0);
  });

  it('is the same when read in steps', () => {
    const text = header + good.repeat(10);
    const parser = new SocketTableParser(Buffer.from(text), { table: 'tcp', file: 'x', netns });
    let steps = 1;
    while (parser.parseRows(3)) steps++;
    expect(steps).toBe(4);
    expect(parser.rows).toEqual(parse(text).rows);
  });
});

it('reads back any endpoint that the kernel can print', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const port = fc.integer({ min: 0, max: 65535 });
  fc.assert(
    fc.property(word, port, word, port, (local, localPort, remote, remotePort) => {
      const text = `0: ${kernelWord(local)}:${hex(localPort, 4)} ${kernelWord(remote)}:${hex(remotePort, 4)} 01 0:0 00:0 0 0 0 5`;
      const row = parse(text).rows[0]!;
      expect(row.local).toEqual(parseEndpoint(`${dotted(local)}:${localPort}`));
      expect(row.remote).toEqual(parseEndpoint(`${dotted(remote)}:${remotePort}`));
    }),
  );
});

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** 10.1.17.138 (0x0a01118a) as a little-endian machine prints it: 8A11010A. */
function kernelWord(address: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return hex(bytes.readUInt32LE(0), 8);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
