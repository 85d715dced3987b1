/** A NETLINK_SOCK_DIAG socket that is asked for the counters of single TCP sockets, many questions in one datagram. */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { Libc } from '../libc.ts';
import { isLittleEndian } from './byte-order.ts';
import { messageTypes, parseDatagram } from './message.ts';
import { NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { encodeQuestion, parseAnswer, questionBytes, type TcpInfo } from './tcp-info.ts';

const netlinkSockDiag = 4;

/** Questions in one datagram. Their answers have to fit into the default receive buffer, at about 1.3 KiB each. */
export const questionsMax = 64;

export class TcpInfoSocket {
  readonly #socket: NetlinkSocket;
  readonly #questions = Buffer.alloc(questionsMax * questionBytes);
  #sequence = 0;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** In the namespace that the calling thread is in. Throws NetlinkError. */
  static open(libc: Libc): TcpInfoSocket {
    if (!isLittleEndian()) throw new NetlinkError('use netlink', 'this machine is big-endian');
    return new TcpInfoSocket(NetlinkSocket.open(libc, netlinkSockDiag));
  }

  /**
   * What the kernel tells of the sockets with these tuples, at most questionsMax of them, in their order; null where
   * none is any more, or it has no counters. Throws NetlinkError, and is to be closed then.
   */
  read(tuples: readonly FourTuple[]): (TcpInfo | null)[] {
    const first = this.#sequence + 1;
    this.#sequence += tuples.length;
    for (const [n, tuple] of tuples.entries()) {
      encodeQuestion(this.#questions, n * questionBytes, tuple, first + n);
    }
    this.#socket.send(this.#questions.subarray(0, tuples.length * questionBytes));
    const answers: (TcpInfo | null)[] = tuples.map(() => null);
    for (let left = tuples.length; left > 0; ) {
      for (const { type, sequence, payload } of parseDatagram(
        this.#socket.bytes.subarray(0, this.#socket.receive()),
      )) {
        const n = sequence - first;
        if (n < 0 || n >= tuples.length) continue;
        left--;
        if (type !== messageTypes.error) answers[n] = parseAnswer(payload);
      }
    }
    return answers;
  }

  /** Idempotent. An open socket keeps its namespace alive. */
  close(): void {
    this.#socket.close();
  }
}
