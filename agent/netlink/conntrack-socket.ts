/**
 * A NETLINK_NETFILTER socket that asks the connection tracking of one network namespace, the one it was opened in. Needs
 * CAP_NET_ADMIN there. Opening it starts no tracking.
 */

import { constants } from 'node:os';
import { type ConntrackEntry, parseConntrackEntry } from './conntrack-entry.ts';
import { ConntrackMessageError, conntrackTypes, netlinkNetfilter } from './conntrack-message.ts';
import { type ConntrackQuestion, questionBytesMax, writeQuestion } from './conntrack-question.ts';
import { encodeStatisticsRequest, parseStatistics } from './conntrack-table.ts';
import type { DatagramCalls } from './datagram-calls.ts';
import { messageTypes } from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { ReceiveBatch } from './receive-batch.ts';

/** Questions in one datagram. Their answers fit into the receive buffer that every socket has. */
export const questionsMax = 64;

/** An entry with all its attributes takes some 300 bytes. */
const answerBytesMax = 1024;

/** `none` = there is no such entry, `unanswered` = the kernel did not tell. */
export type ConntrackAnswer = ConntrackEntry | 'none' | 'unanswered';

/** The agent may not ask. */
export class ConntrackRefusedError extends NetlinkError {
  /** Name of the errno. */
  readonly reason: string;

  constructor(reason: string) {
    super('ask conntrack', reason);
    this.reason = reason;
  }
}

/** What all sockets share, since each question is answered before the next is asked. */
export class ConntrackExchange {
  readonly calls: DatagramCalls;
  readonly received: ReceiveBatch;
  readonly requests = Buffer.alloc(questionsMax * questionBytesMax);
  /** Answers that could not be parsed, since the start. */
  malformedTotal = 0;

  constructor(calls: DatagramCalls) {
    this.calls = calls;
    this.received = new ReceiveBatch(calls, questionsMax, answerBytesMax);
  }
}

export class ConntrackSocket {
  readonly #exchange: ConntrackExchange;
  readonly #socket: NetlinkSocket;
  #sequence = 0;

  private constructor(exchange: ConntrackExchange, socket: NetlinkSocket) {
    this.#exchange = exchange;
    this.#socket = socket;
  }

  /** In the namespace that the calling thread is in. Throws NetlinkError. */
  static open(exchange: ConntrackExchange): ConntrackSocket {
    const { calls, received } = exchange;
    const socket = NetlinkSocket.open(calls, netlinkNetfilter, { bytes: received.bytes });
    return new ConntrackSocket(exchange, socket);
  }

  /** Entries in the table. Throws NetlinkError, ConntrackRefusedError and ConntrackMessageError. */
  count(): number {
    const sequence = this.#nextSequence(1);
    this.#socket.send(encodeStatisticsRequest(sequence));
    let entries: number | null = null;
    this.#receive(sequence, 1, (_, type, at, end) => {
      const { bytes } = this.#exchange.received;
      if (type === messageTypes.error) throw new ConntrackRefusedError(errnoName(errnoAt(bytes, at, end)));
      if (type === conntrackTypes.statistics) entries = parseStatistics(bytes, at, end);
    });
    if (entries === null) throw new NetlinkError('count conntrack entries', 'no answer');
    return entries;
  }

  /**
   * Asks at most questionsMax questions. Answers stand at the places of their questions. Throws NetlinkError and
   * ConntrackRefusedError.
   */
  ask(questions: readonly ConntrackQuestion[]): ConntrackAnswer[] {
    const { requests } = this.#exchange;
    const first = this.#nextSequence(questions.length);
    let end = 0;
    for (const [i, question] of questions.entries()) {
      end = writeQuestion(requests, end, question, (first + i) >>> 0);
    }
    this.#socket.send(requests.subarray(0, end));
    const answers: ConntrackAnswer[] = questions.map(() => 'unanswered');
    this.#receive(first, questions.length, (i, type, at, messageEnd) => {
      answers[i] = this.#answerOf(type, at, messageEnd);
    });
    return answers;
  }

  /** Idempotent. */
  close(): void {
    this.#socket.close();
  }

  #nextSequence(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) >>> 0;
    return first;
  }

  /** Hands out the answers to the `count` requests from `first` on, and passes over what belongs to no one. */
  #receive(
    first: number,
    count: number,
    take: (i: number, type: number, at: number, end: number) => void,
  ): void {
    const { received } = this.#exchange;
    for (let awaited = count; awaited > 0; ) {
      const got = received.receive(this.#socket.fd);
      if (got <= 0) return;
      for (let n = 0; n < got; n++) {
        const [at, end] = [received.start(n), received.end(n)];
        if (end - at < headerBytes) continue;
        const i = (received.bytes.readUInt32LE(at + sequenceAt) - first) >>> 0;
        if (i >= count) continue;
        awaited--;
        take(i, received.bytes.readUInt16LE(at + typeAt), at, end);
      }
    }
  }

  #answerOf(type: number, at: number, end: number): ConntrackAnswer {
    const { bytes } = this.#exchange.received;
    if (type === messageTypes.error) {
      const errno = errnoAt(bytes, at, end);
      if (errno === constants.errno.EPERM) throw new ConntrackRefusedError('EPERM');
      return errno === constants.errno.ENOENT ? 'none' : 'unanswered';
    }
    if (type !== conntrackTypes.entry) return 'unanswered';
    try {
      return parseConntrackEntry(bytes, at, end) ?? 'unanswered';
    } catch (error) {
      if (!(error instanceof ConntrackMessageError)) throw error;
      this.#exchange.malformedTotal++;
      return 'unanswered';
    }
  }
}

/** Places in struct nlmsghdr, and its length. */
const typeAt = 4;
const sequenceAt = 8;
const headerBytes = 16;

/** struct nlmsgerr: i32 negative errno. */
function errnoAt(bytes: Buffer, at: number, end: number): number {
  return end - at >= headerBytes + 4 ? -bytes.readInt32LE(at + headerBytes) : 0;
}
