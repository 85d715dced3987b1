/** A C library whose netlink sockets answer what a test wants: the kernel's rarer answers. */
import type { Libc } from '../../../agent/libc.ts';
import { encodeMessage, type NetlinkMessage } from '../../../agent/netlink/message.ts';

/** A datagram (as messages, or as bytes), or the errno with which recv fails. */
export type Answer = readonly NetlinkMessage[] | Buffer | number;

export interface FakeLibc extends Libc {
  readonly closed: number[];
  /** Copies of what was sent. */
  readonly sent: Buffer[];
}

/** Each request is followed by its own list of answers. @param unasked what is there before any request */
export function fakeLibc(
  answers: readonly (readonly Answer[])[],
  failing: Partial<Record<'socket' | 'bind' | 'setsockopt' | 'send', number>> = {},
  unasked: readonly Answer[] = [],
): FakeLibc {
  const closed: number[] = [];
  const sent: Buffer[] = [];
  let requests = 0;
  let queue: Answer[] = [...unasked];
  let errno = 0;
  const fail = (code: number | undefined, result: number): number => {
    if (code === undefined) return result;
    errno = code;
    return -1;
  };
  return {
    closed,
    sent,
    socket: () => fail(failing.socket, 5),
    bind: () => fail(failing.bind, 0),
    setsockopt: () => fail(failing.setsockopt, 0),
    send: (_, bytes) => {
      sent.push(Buffer.from(bytes));
      queue = [...(answers[requests++] ?? [])];
      return fail(failing.send, bytes.length);
    },
    recv: (_, bytes) => {
      const answer = queue.shift() ?? 11;
      if (typeof answer === 'number') return fail(answer, 0);
      const datagram = Buffer.isBuffer(answer) ? answer : Buffer.concat(answer.map(encodeMessage));
      return datagram.copy(bytes);
    },
    poll: () => 0,
    close: (fd) => closed.push(fd),
    setns: () => -1,
    getdents64: () => -1,
    lseek: () => -1,
    readlinkat: () => -1,
    clock_gettime: () => -1,
    errno: () => errno,
  };
}
