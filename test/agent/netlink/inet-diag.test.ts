/** What is asked for over sock_diag, byte by byte, and what Linux 6.18 answered. */
import { describe, expect, it } from 'vitest';
import {
  DiagMessageError,
  DiagParser,
  type DiagRow,
  encodeDiagRequest,
  encodeTcpDiagRequest,
  everyState,
  expectWhole,
  stateMask,
} from '../../../agent/netlink/inet-diag.ts';
import { formatIp } from '../../../model/ip.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import { fc } from '../../support/random-cases.ts';
import { diagMessage } from './messages.ts';

const netns = 4026531840;

/** Without the 16 bytes of nlmsghdr. */
const recorded = {
  listener: `
    0a0a0000222700000000000000000000
    00000000000000000000000000000000000000000000000000000000eb570500
    000000000000000000000000ff010000000000004ccb23000500080000000000
    05000b000000000008000f00000000000c00150001000000000000000600160012000000`,
  mappedServerEnd: `
    0a010000222721cd0000000000000000
    0000ffff7f00000100000000000000000000ffff7f00000100000000ec570500
    00000000000000000000000000000000000000004ecb23000500080000000000
    08000f00000000000c00150001000000000000000600160012000000`,
  clientEnd: `
    0201000021cd22277f00000100000000
    00000000000000007f00000100000000000000000000000000000000ed570500
    00000000000000000000000000000000000000004dcb23000500080000000000
    08000f00000000000c00150001000000000000000600160052000000`,
} as const;

function parse(hex: string): DiagRow {
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  return new DiagParser(netns).parse(bytes, 0, 'tcp');
}

describe('requests', () => {
  it('one family', () => {
    const bytes = encodeDiagRequest('udp', 'ipv6', stateMask([1, 7]), 9);
    const header = '48000000' + '1400' + '0103' + '09000000' + '00000000';
    expect(bytes.toString('hex')).toBe(`${header}0a110000${'82000000'}${'00'.repeat(48)}`);
  });

  it('TCP of both families', () => {
    const bytes = encodeTcpDiagRequest(everyState, 1);
    const header = '4c000000' + '1200' + '0103' + '01000000' + '00000000';
    expect(bytes.toString('hex')).toBe(`${header}02000000${'00'.repeat(48)}fe1f0000${'00000000'}`);
  });
});

describe('answers', () => {
  it('a listener', () => {
    expect(parse(recorded.listener)).toEqual({
      protocol: 'tcp',
      state: 'listen',
      local: { ip: '::', port: 8743 },
      remote: { ip: '::', port: 0 },
      inode: 2345804,
      uid: 0,
      netns,
      cookie: 0x557ebn,
    });
  });

  it('both ends of a connection of an IPv4 client to an IPv6 listener', () => {
    const client = parse(recorded.clientEnd);
    const server = parse(recorded.mappedServerEnd);
    expect(client).toMatchObject({
      state: 'established',
      local: { ip: '127.0.0.1', port: 8653 },
      remote: { ip: '127.0.0.1', port: 8743 },
    });
    expect(server).toMatchObject({ state: 'established', local: client.remote, remote: client.local });
    expect([client.inode, server.inode]).toEqual([2345805, 2345806]);
  });

  it.each([
    ['another family', (bytes: Buffer) => bytes.writeUInt8(1, 0), 'idiag_family', '1'],
    ['an unknown state', (bytes: Buffer) => bytes.writeUInt8(13, 1), 'idiag_state', '13'],
  ])('%s', (_, spoil, field, value) => {
    const bytes = diagMessage({ ...parse(recorded.clientEnd) }).payload;
    spoil(bytes);
    const attempt = (): DiagRow => new DiagParser(netns).parse(bytes, 0, 'tcp');
    expect(attempt).toThrow(DiagMessageError);
    expect(attempt).toThrow(`${field} is ${value}`);
  });

  it('too short', () => {
    expect(() => expectWhole(16, 16 + 72)).not.toThrow();
    expect(() => expectWhole(16, 16 + 71)).toThrow('inet_diag_msg is 71 bytes long');
  });

  it('an endpoint that stands in many rows is one object, whichever family tells of it', () => {
    const parser = new DiagParser(netns);
    const [mapped, other, client] = [recorded.mappedServerEnd, recorded.listener, recorded.clientEnd].map(
      (hex) => parser.parse(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'), 0, 'tcp'),
    );
    expect(mapped!.local).toEqual({ ip: '127.0.0.1', port: 8743 });
    expect(client!.remote).toBe(mapped!.local);
    expect(client!.local).toBe(mapped!.remote);
    expect(other!.local).toEqual({ ip: '::', port: 8743 });
  });

  it('every row that can be encoded comes back, addresses folded', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => formatIp(bytes)),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIp(bytes)),
    );
    const port = fc.integer({ min: 0, max: 65535 });
    const u32 = fc.integer({ min: 0, max: 0xffffffff });
    const state = fc.constantFrom<SocketState>('established', 'time-wait', 'listen', 'close-wait');
    const cookie = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    // One parser for all, so that its memory of addresses is tried too.
    const parser = new DiagParser(netns);
    fc.assert(
      fc.property(address, address, port, port, u32, u32, state, cookie, (a, b, p, q, inode, uid, s, c) => {
        const row: DiagRow = {
          protocol: 'tcp',
          state: s,
          local: { ip: a, port: p },
          remote: { ip: b, port: q },
          inode,
          uid,
          netns,
          cookie: c,
        };
        const family = a.includes(':') || b.includes(':') ? 'ipv6' : 'ipv4';
        const { payload } = diagMessage(row, { family });
        expect(parser.parse(payload, 0, 'tcp')).toEqual(row);
        const { cookie: _, ...owned } = { ...row, owners: [] };
        expect(parser.parseOwned(payload, 0, 'tcp', [])).toEqual(owned);
      }),
    );
  });
});
