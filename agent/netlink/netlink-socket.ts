/** An AF_NETLINK socket: whole datagrams to and from the kernel, in the network namespace in which it was opened. */
import { constants } from 'node:os';
import type { Libc } from '../libc.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';

const afNetlink = 16;
const sockRaw = 3;
const sockCloexec = 0o2000000;

/** recv(2) flags: never wait, and tell the true length of a datagram that did not fit. */
const dontWait = 0x40;
const truncated = 0x20;

/** The kernel never puts more than 32 KiB into one datagram of a dump. */
const receiveBytes = 64 << 10;

/** SOL_SOCKET, and its options SO_RCVBUF, which the system limits, and SO_RCVBUFFORCE, which takes CAP_NET_ADMIN. */
const socketLevel = 1;
const queueOptions = { limited: 8, forced: 33 } as const;

export interface NetlinkSocketOptions {
  /** Multicast groups to hear from the start, as a set of bits; group 1 is bit 0. Default none. */
  readonly groups?: number;
  /** Room for datagrams that wait, as the kernel counts it; less where the agent may not have so much. Default the system's. */
  readonly queueBytes?: number;
  /** Where datagrams are put; default a buffer of its own. */
  readonly bytes?: Buffer;
}

/** A buffer that several sockets may share which are read one after the other. */
export function receiveBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(receiveBytes);
}

export class NetlinkSocket {
  readonly #libc: Libc;
  readonly fd: number;
  #isOpen = true;
  /** Where `receive` puts a datagram. Used again for the next one. */
  readonly bytes: Buffer;

  private constructor(libc: Libc, fd: number, bytes: Buffer) {
    this.#libc = libc;
    this.fd = fd;
    this.bytes = bytes;
  }

  /**
   * Throws NetlinkError where the machine refuses such sockets (seccomp).
   *
   * @param protocol NETLINK_* of linux/netlink.h
   */
  static open(libc: Libc, protocol: number, options: NetlinkSocketOptions = {}): NetlinkSocket {
    const fd = libc.socket(afNetlink, sockRaw | sockCloexec, protocol);
    if (fd < 0) throw new NetlinkError('open a netlink socket', errnoName(libc.errno()));
    const socket = new NetlinkSocket(libc, fd, options.bytes ?? receiveBuffer());
    // struct sockaddr_nl, 12 bytes: u16 family, u16 padding, u32 port id (0 = kernel's choice), u32 groups.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(afNetlink, 0);
    address.writeUInt32LE(options.groups ?? 0, 8);
    if (libc.bind(fd, address, address.length) < 0) {
      const errno = libc.errno();
      socket.close();
      throw new NetlinkError('bind a netlink socket', errnoName(errno));
    }
    if (options.queueBytes !== undefined) socket.#makeRoom(options.queueBytes);
    return socket;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Throws NetlinkError. */
  send(request: Buffer): void {
    this.#expectOpen('send a netlink request');
    if (this.#libc.send(this.fd, request, request.length, 0) < 0) {
      throw new NetlinkError('send a netlink request', errnoName(this.#libc.errno()));
    }
  }

  /**
   * Length of the next datagram, which then stands in `bytes`. Throws NetlinkError also when there is none: the kernel
   * fills the queue during send and recv themselves, so an empty queue means that no answer will come.
   */
  receive(): number {
    const length = this.receiveIfAny();
    if (length === null) throw new NetlinkError('receive a netlink answer', 'EAGAIN');
    if (length === 'overrun') throw new NetlinkError('receive a netlink answer', 'ENOBUFS');
    return length;
  }

  /**
   * As receive; null when there is no datagram, `overrun` (once) when the queue was full and the kernel dropped some.
   * Throws NetlinkError for anything else.
   */
  receiveIfAny(): number | null | 'overrun' {
    this.#expectOpen('receive a netlink answer');
    const length = this.#libc.recv(this.fd, this.bytes, this.bytes.length, dontWait | truncated);
    if (length < 0) {
      const errno = this.#libc.errno();
      if (errno === constants.errno.EAGAIN) return null;
      if (errno === constants.errno.ENOBUFS) return 'overrun';
      throw new NetlinkError('receive a netlink answer', errnoName(errno));
    }
    if (length > this.bytes.length) {
      throw new NetlinkError('receive a netlink answer', `datagram of ${length} bytes is truncated`);
    }
    return length;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#libc.close(this.fd);
  }

  #makeRoom(queueBytes: number): void {
    const value = Buffer.alloc(4);
    value.writeInt32LE(queueBytes);
    const set = (name: number): boolean => this.#libc.setsockopt(this.fd, socketLevel, name, value, 4) === 0;
    if (!set(queueOptions.forced)) set(queueOptions.limited);
  }

  /** The number of a closed descriptor may be somebody else's by now. */
  #expectOpen(operation: string): void {
    if (!this.#isOpen) throw new NetlinkError(operation, 'the socket is closed');
  }
}
