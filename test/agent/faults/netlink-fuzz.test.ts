/** Answers of the kernel that are cut, or have bytes spoilt: whoever reads them answers, or throws NetlinkError. */
import { describe, expect, it } from 'vitest';
import { messageHeaderBytes } from '../../../agent/netlink/inet-diag.ts';
import { InterfaceReader, type Interfaces } from '../../../agent/netlink/interfaces.ts';
import { encodeMessage, type NetlinkMessage } from '../../../agent/netlink/message.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { receiveBuffer } from '../../../agent/netlink/netlink-socket.ts';
import { SockDiag } from '../../../agent/netlink/sock-diag.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { fc } from '../../support/random-cases.ts';
import { fakeLibc } from '../netlink/fake-libc.ts';
import { end, newLink, newLinkAddress } from '../netlink/messages.ts';

const links: readonly NetlinkMessage[] = [
  newLink({ index: 1, name: 'lo', kind: null, masterIndex: null, peerNetnsId: null }),
  newLink({ index: 3, name: 'docker0', kind: 'bridge', masterIndex: null, peerNetnsId: null }),
  newLink({ index: 9, name: 'veth12', kind: 'veth', masterIndex: 3, peerNetnsId: 0 }),
  end(3, 0),
];
const addresses: readonly NetlinkMessage[] = [
  newLinkAddress({ linkIndex: 3, ip: '172.17.0.1', prefixLength: 16 }, null, 2),
  newLinkAddress({ linkIndex: 3, ip: 'fd00::1', prefixLength: 64 }, null, 2),
  end(3, 0, 2),
];

/** A datagram of these messages in which a few bytes are others, and the end may be missing. */
function spoiltDatagram(messages: readonly NetlinkMessage[]): fc.Arbitrary<Buffer> {
  const whole = Buffer.concat(messages.map(padded));
  return fc
    .record({
      changes: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
      length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
    })
    .map(({ changes, length }) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes.subarray(0, length);
    });
}

/** As the kernel aligns them. */
function padded(message: NetlinkMessage): Buffer {
  const bytes = encodeMessage(message);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function expectNetlinkError(action: () => void): void {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(NetlinkError);
  }
}

describe('spoilt answers', () => {
  it('about the interfaces of a host', async () => {
    await fc.assert(
      fc.asyncProperty(spoiltDatagram(links), spoiltDatagram(addresses), async (first, second) => {
        const libc = fakeLibc([[first], [second], [], [], [], [], [], []]);
        const reader = InterfaceReader.open(libc, receiveBuffer());
        const read = await reader.read(new TimeSlice()).catch((error: unknown) => error);
        expectNetlinkError(() => {
          if (read instanceof Error) throw read;
          const { addresses: found } = read as Interfaces;
          for (const { ip, device } of found)
            expect([typeof ip, device === undefined]).toEqual(['string', false]);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('whether a socket is still there', () => {
    const identity = { family: 2, sockid: Buffer.alloc(48) };
    const row: NetlinkMessage = { type: 20, flags: 0, sequence: 1, payload: Buffer.alloc(72) };
    fc.assert(
      fc.property(spoiltDatagram([row]), spoiltDatagram([end(2, 2)]), (first, second) => {
        const diag = SockDiag.open(fakeLibc([[first, second]]), 4026531840);
        expectNetlinkError(() => expect(typeof diag.isThere(identity, 42)).toBe('boolean'));
      }),
      { numRuns: 500 },
    );
  });

  it('an answer that ends within its own header is refused', async () => {
    const bytes = padded(links[0]!).subarray(0, messageHeaderBytes - 4);
    const reader = InterfaceReader.open(fakeLibc([[bytes]]), receiveBuffer());
    await expect(reader.read(new TimeSlice())).rejects.toThrow(
      new NetlinkError('parse a datagram', 'message at byte 0 claims 0 of 12 bytes'),
    );
  });
});
