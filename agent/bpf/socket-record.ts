/** Reads the records that the scan program has written (recordLayout), one by one. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { SocketRow } from '../../model/socket.ts';
import { type Protocol, type SocketState, stateOf } from '../../model/socket-state.ts';
import { AddressTexts } from './address-texts.ts';
import { recordLayout } from './scan-memory.ts';

const { fields } = recordLayout;

/** Words of 32 bits per record. */
export const recordWords = recordLayout.bytes / 4;

/** Places of the words. The ports stand in one; the protocol, the state and the number of the subflow in another. */
export const wordOf = {
  pid: fields.pid.offset / 4,
  fd: fields.fd.offset / 4,
  ports: fields.localPort.offset / 4,
  kind: fields.protocol.offset / 4,
  uid: fields.uid.offset / 4,
  netns: fields.netns.offset / 4,
  inode: fields.inode.offset / 4,
  startLow: fields.startLow.offset / 4,
  localIp: fields.localIp.offset / 4,
  remoteIp: fields.remoteIp.offset / 4,
} as const;

/** IPPROTO_UDP; the others are TCP and MPTCP, whose sockets show themselves as TCP does. */
const udp = 17;

const established = 1;

/** Whether a record's kind is that of a TCP connection in this state. */
export function isEstablished(kind: number): boolean {
  return ((kind >>> 16) & 0xff) === established && (kind & 0xffff) !== udp;
}

export class RecordReader {
  readonly #addresses = new AddressTexts();

  /** Null when the kernel has a state that has no word. @param at index of the record's first word */
  row(words: Uint32Array, at: number): SocketRow | null {
    const state = this.state(words, at);
    if (state === null) return null;
    return {
      protocol: this.protocol(words, at),
      state,
      local: this.local(words, at),
      remote: this.remote(words, at),
      inode: words[at + wordOf.inode]!,
      uid: words[at + wordOf.uid]!,
      netns: words[at + wordOf.netns]!,
    };
  }

  protocol(words: Uint32Array, at: number): Protocol {
    return (words[at + wordOf.kind]! & 0xffff) === udp ? 'udp' : 'tcp';
  }

  /** Null as for row. */
  state(words: Uint32Array, at: number): SocketState | null {
    return stateOf(this.protocol(words, at), (words[at + wordOf.kind]! >>> 16) & 0xff);
  }

  local(words: Uint32Array, at: number): Endpoint {
    return { ip: this.#addresses.read(words, at + wordOf.localIp), port: words[at + wordOf.ports]! & 0xffff };
  }

  remote(words: Uint32Array, at: number): Endpoint {
    return { ip: this.#addresses.read(words, at + wordOf.remoteIp), port: words[at + wordOf.ports]! >>> 16 };
  }
}
