/**
 * A NETLINK_SOCK_DIAG socket: dumps of the TCP and UDP sockets of one network namespace, the one it was opened in.
 * Needs no privilege there. See sock_diag(7).
 *
 *     const diag = SockDiag.open(await loadLibc(), netns);        // elsewhere with NetnsEntry.within
 *     const { rows } = await diag.dump({ protocol: 'tcp', states: stateMask([2, 3, 4]) }, slice);
 *     diag.close();
 */
import type { SocketRow } from '../../model/socket.ts';
import type { Protocol } from '../../model/socket-state.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';
import type { Libc } from '../libc.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { isLittleEndian } from './byte-order.ts';
import { type CellWatcher, DiagRows, type MakeRow, type RowTaker, wholeRow } from './diag-rows.ts';
import {
  type DiagIdentity,
  DiagMessageError,
  DiagParser,
  type DiagRow,
  diagMessageBytes,
  diagTypes,
  encodeDiagRequest,
  encodeLookup,
  encodeLookupOfEnds,
  encodeTcpDiagRequest,
  expectWhole,
  type Family,
  inodeAt,
  messageHeaderBytes,
} from './inet-diag.ts';
import { errnoOf, messageFlagBits, messageTypes, parseDatagram } from './message.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const netlinkSockDiag = 4;

/** How often a dump is repeated because the kernel says that its table changed underneath it. */
export const dumpAttemptsMax = 4;

export interface DiagQuery {
  readonly protocol: Protocol;
  /** Set of kernel states; see stateMask and everyState. */
  readonly states: number;
  /** Default both. */
  readonly families?: readonly Family[];
  /** Tells by its inode which sockets are of no interest: of those no row is made. */
  readonly isKnown?: (inode: number) => boolean;
}

/** What of a dump could not be read. */
export interface Malformed {
  /** At most malformedRowsMax of them; malformedTotal counts all. */
  readonly malformed: readonly MalformedRow[];
  readonly malformedTotal: number;
}

export interface DiagDump extends Malformed {
  /** In the kernel's order. A table that changes while it is dumped may show a socket twice, or not at all. */
  readonly rows: readonly DiagRow[];
}

/** What is collected during one dump, besides the rows. */
interface OpenDump {
  readonly query: DiagQuery;
  readonly taker: RowTaker;
  readonly malformed: MalformedRow[];
  malformedTotal: number;
  isInterrupted: boolean;
}

export class SockDiag {
  /** Inode of the namespace. */
  readonly netns: number;
  readonly #socket: NetlinkSocket;
  readonly #words: Uint32Array;
  readonly #parser: DiagParser;
  #sequence = 0;
  /** False once the kernel has refused the request for both families at once. */
  #knowsBothAtOnce = true;
  /** Dumps that were repeated because they were interrupted, since the socket was opened. */
  interruptedTotal = 0;

  private constructor(socket: NetlinkSocket, netns: number) {
    this.#socket = socket;
    this.netns = netns;
    const { buffer, byteOffset, byteLength } = socket.bytes;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength >> 2);
    this.#parser = new DiagParser(netns);
  }

  /**
   * In the namespace that the calling thread is in. Throws NetlinkError.
   *
   * @param netns inode of that namespace, for the rows
   */
  static open(libc: Libc, netns: number): SockDiag {
    if (!isLittleEndian()) throw new NetlinkError('use netlink', 'this machine is big-endian');
    return new SockDiag(NetlinkSocket.open(libc, netlinkSockDiag), netns);
  }

  /** False after close, and after a dump that failed: what is left of it would get into the way of the next. */
  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /** Makes a place where the rows of this socket's dumps are kept; see DiagRows. */
  keep<T>(make: MakeRow<T>, watcher: CellWatcher<T> | null = null): DiagRows<T> {
    return new DiagRows(this.#parser, make, watcher);
  }

  /** Rows that are new objects each time. Throws NetlinkError, and is closed then. */
  async dump(query: DiagQuery, slice: TimeSlice): Promise<DiagDump> {
    const keeper = this.keep(wholeRow);
    keeper.begin();
    const malformed = await this.dumpKept(query, keeper, slice);
    return { ...malformed, rows: keeper.values() };
  }

  /** Lets `taker` take the rows. Rounds are the caller's. Throws NetlinkError, and is closed then. */
  async dumpKept(query: DiagQuery, taker: RowTaker, slice: TimeSlice): Promise<Malformed> {
    const families = query.families ?? ['ipv4', 'ipv6'];
    try {
      if (query.protocol === 'tcp' && families.length === 2 && this.#knowsBothAtOnce) {
        const dump = await this.#dumpBothAtOnce(query, taker, slice);
        if (dump !== null) return dump;
      }
      const parts: OpenDump[] = [];
      for (const family of families) parts.push(await this.#dumpFamily(query, family, taker, slice));
      return joined(parts);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Whether a TCP socket is still there under its inode; true also where the kernel does not say no. Between dumps only.
   * Throws NetlinkError, and is closed then.
   */
  isThere(identity: DiagIdentity, inode: number): boolean {
    const answer = this.#lookUp((sequence) => encodeLookup(identity, sequence));
    if (answer === null || answer.length < diagMessageBytes) return answer !== null;
    return inodeAt(answer, 0) === inode;
  }

  /**
   * What has the ends of a row now; null when nothing has, `untold` where the kernel does not say. Between dumps only. Throws
   * NetlinkError, and is closed then.
   */
  find(row: SocketRow): DiagRow | null | 'untold' {
    const answer = this.#lookUp((sequence) => encodeLookupOfEnds(row, sequence));
    if (answer === null) return null;
    try {
      expectWhole(0, answer.length);
      return this.#parser.parse(answer, 0, row.protocol);
    } catch (error) {
      if (error instanceof DiagMessageError) return 'untold';
      throw error;
    }
  }

  /** Idempotent. An open socket keeps its namespace alive. */
  close(): void {
    this.#socket.close();
  }

  /** An inet_diag_msg; null when there is no such socket, and empty where the kernel does not say. */
  #lookUp(encode: (sequence: number) => Buffer): Buffer | null {
    const sequence = ++this.#sequence;
    try {
      this.#socket.send(encode(sequence));
      for (;;) {
        const messages = parseDatagram(this.#socket.bytes.subarray(0, this.#socket.receive()));
        const answer = messages.find((message) => message.sequence === sequence);
        if (answer === undefined) continue;
        if (answer.type !== messageTypes.error) return answer.payload;
        return errnoName(errnoOf(answer)) === 'ENOENT' ? null : Buffer.alloc(0);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Null where the kernel does not know the request. */
  async #dumpBothAtOnce(query: DiagQuery, taker: RowTaker, slice: TimeSlice): Promise<Malformed | null> {
    try {
      return await this.#dump(query, taker, slice, (sequence) =>
        encodeTcpDiagRequest(query.states, sequence),
      );
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error;
      this.#knowsBothAtOnce = false;
      return null;
    }
  }

  /** Without rows where the kernel does not know the family (IPv6 switched off, or a module that is missing). */
  async #dumpFamily(query: DiagQuery, family: Family, taker: RowTaker, slice: TimeSlice): Promise<OpenDump> {
    try {
      return await this.#dump(query, taker, slice, (sequence) =>
        encodeDiagRequest(query.protocol, family, query.states, sequence),
      );
    } catch (error) {
      if (error instanceof RefusedRequest && family === 'ipv6') return openDump(query, taker);
      throw error;
    }
  }

  async #dump(
    query: DiagQuery,
    taker: RowTaker,
    slice: TimeSlice,
    encode: (sequence: number) => Buffer,
  ): Promise<OpenDump> {
    const takeBack = taker.mark();
    for (let attempt = 1; ; attempt++) {
      const dump = openDump(query, taker);
      const sequence = ++this.#sequence;
      this.#socket.send(encode(sequence));
      while (!this.#takeDatagram(this.#socket.receive(), sequence, dump)) {
        if (slice.isUsedUp()) await slice.rest();
      }
      if (!dump.isInterrupted || attempt === dumpAttemptsMax) return dump;
      this.interruptedTotal++;
      takeBack();
    }
  }

  /** Takes all messages of a datagram. True at the end of the dump. */
  #takeDatagram(length: number, sequence: number, dump: OpenDump): boolean {
    const { bytes } = this.#socket;
    const words = this.#words;
    for (let at = 0; at < length; ) {
      const end = at + messageEnd(words, at, length);
      const type = words[(at >> 2) + 1]! & 0xffff;
      const flags = words[(at >> 2) + 1]! >>> 16;
      // Another sequence is what an abandoned dump left in the queue.
      if (words[(at >> 2) + 2] === sequence) {
        if ((flags & messageFlagBits.dumpInterrupted) !== 0) dump.isInterrupted = true;
        if (type === messageTypes.done || type === messageTypes.error) {
          expectSuccess(bytes.subarray(at + messageHeaderBytes, end));
          return true;
        }
        if (type === diagTypes.byFamily || type === diagTypes.tcpOfEveryFamily)
          take(bytes, words, at + messageHeaderBytes, end, dump);
      }
      at = (end + 3) & ~3;
    }
    return false;
  }
}

/** The kernel does not know what was asked, rather than that it failed to answer. */
class RefusedRequest extends NetlinkError {}

const unknownToKernel: ReadonlySet<string> = new Set(['ENOENT', 'EINVAL', 'EOPNOTSUPP']);

function openDump(query: DiagQuery, taker: RowTaker): OpenDump {
  return { query, taker, malformed: [], malformedTotal: 0, isInterrupted: false };
}

function joined(parts: readonly Malformed[]): Malformed {
  return {
    malformed: parts.flatMap(({ malformed }) => malformed).slice(0, malformedRowsMax),
    malformedTotal: parts.reduce((sum, { malformedTotal }) => sum + malformedTotal, 0),
  };
}

/** Length of the message at `at`. Throws NetlinkError when it does not fit: then no message is to be trusted. */
function messageEnd(words: Uint32Array, at: number, length: number): number {
  const claimed = length - at < messageHeaderBytes ? 0 : words[at >> 2]!;
  if (claimed < messageHeaderBytes || at + claimed > length) {
    throw new NetlinkError('parse a datagram', `message at byte ${at} claims ${claimed} of ${length} bytes`);
  }
  return claimed;
}

/** DONE and ERROR both carry an errno, negative; 0 is success. */
function expectSuccess(payload: Buffer): void {
  const errno = payload.length >= 4 ? -payload.readInt32LE(0) : 0;
  if (errno === 0) return;
  const reason = errnoName(errno);
  if (unknownToKernel.has(reason)) throw new RefusedRequest('ask for sockets', reason);
  throw new NetlinkError('read a dump of sockets', reason);
}

function take(bytes: Buffer, words: Uint32Array, at: number, end: number, dump: OpenDump): void {
  const { query, taker, malformed } = dump;
  try {
    if (query.isKnown !== undefined) {
      expectWhole(at, end);
      if (query.isKnown(inodeAt(bytes, at))) return;
    }
    taker.take(bytes, words, at, end, query.protocol);
  } catch (error) {
    if (!(error instanceof DiagMessageError)) throw error;
    dump.malformedTotal++;
    if (malformed.length >= malformedRowsMax) return;
    const { field, value } = error;
    malformed.push({
      file: `sock_diag ${query.protocol}`,
      line: taker.taken + dump.malformedTotal,
      column: field,
      text: value,
    });
  }
}
