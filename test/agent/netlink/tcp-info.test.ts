/** Questions for single sockets, and answers that are whole, cut, or none. */
import { describe, expect, it } from 'vitest';
import { encodeAttribute } from '../../../agent/netlink/attribute.ts';
import { encodeQuestion, parseAnswer, questionBytes } from '../../../agent/netlink/tcp-info.ts';
import { TcpInfoSocket } from '../../../agent/netlink/tcp-info-socket.ts';
import { fc } from '../../support/random-cases.ts';
import { fakeLibc } from './fake-libc.ts';

const tuple = { local: { ip: '10.0.0.1', port: 40_000 }, remote: { ip: '10.0.0.2', port: 443 } };

function answer(state: number, infoLength = 280): Buffer {
  const message = Buffer.alloc(72);
  message[1] = state;
  message.writeUInt32LE(4711, 68);
  const info = Buffer.alloc(280);
  info.writeUInt32LE(1234, 68);
  info.writeUInt32LE(5, 100);
  info.writeBigUInt64LE(1001n, 120);
  info.writeBigUInt64LE(2001n, 128);
  return Buffer.concat([message, encodeAttribute(2, info.subarray(0, infoLength))]);
}

describe('a question', () => {
  it('names one socket, whatever its cookie, and asks for its tcp_info', () => {
    const bytes = Buffer.alloc(questionBytes, 0xee);
    encodeQuestion(bytes, 0, tuple, 9);
    expect(bytes.toString('hex')).toBe(
      `48000000140001000900000000000000${'02060200fe1f0000'}` +
        `9c4001bb${'0a000001'.padEnd(32, '0')}${'0a000002'.padEnd(32, '0')}00000000ffffffffffffffff`,
    );
  });

  it('is of IPv6 where an address is', () => {
    const bytes = Buffer.alloc(questionBytes);
    encodeQuestion(bytes, 0, { local: { ip: 'fd00::1', port: 1 }, remote: { ip: 'fd00::2', port: 2 } }, 1);
    expect(bytes[16]).toBe(10);
    expect(bytes.toString('hex', 28, 44)).toBe('fd000000000000000000000000000001');
  });
});

describe('an answer', () => {
  it.each([
    [1, 1001, 2001],
    [5, 1000, 2001],
    [8, 1001, 2000],
    [6, 1000, 2000],
  ])('in state %i has no FIN among its bytes', (state, bytesSent, bytesReceived) => {
    expect(parseAnswer(answer(state))).toEqual({
      inode: 4711,
      counters: { bytesSent, bytesReceived, rttUs: 1234, retransmits: 5 },
    });
  });

  it('of an older kernel tells nothing', () => {
    expect(parseAnswer(answer(1, 104))).toBeNull();
    expect(parseAnswer(Buffer.alloc(72))).toBeNull();
  });

  it('of any bytes at all is read or is null', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const found = parseAnswer(Buffer.from(bytes));
        if (found !== null) expect(Number.isSafeInteger(found.inode)).toBe(true);
      }),
    );
  });
});

describe('several questions', () => {
  const found = (sequence: number) => ({ type: 20, flags: 0, sequence, payload: answer(1) });
  const error = (sequence: number) => {
    const payload = Buffer.alloc(4);
    payload.writeInt32LE(-2);
    return { type: 2, flags: 0, sequence, payload };
  };

  it('are answered in any order, and by nothing for a socket that is gone', () => {
    const socket = TcpInfoSocket.open(fakeLibc([[[found(99), error(2)], [found(3)], [found(1)]]]));
    expect(socket.read([tuple, tuple, tuple]).map((one) => one?.inode)).toEqual([4711, undefined, 4711]);
  });

  it('that are not all answered are an error', () => {
    const socket = TcpInfoSocket.open(fakeLibc([[[found(1)]]]));
    expect(() => socket.read([tuple, tuple])).toThrow('cannot receive a netlink answer: EAGAIN');
  });
});
