/** Reads the records that the scan program has written (recordLayout), one by one. */
import type { Endpoint } from '../../model/endpoint.ts';
import { formatIp, type IpAddress } from '../../model/ip.ts';
import type { SocketRow } from '../../model/socket.ts';
import { type Protocol, stateOf } from '../../model/socket-state.ts';
import { recordLayout } from './scan-memory.ts';

const { fields } = recordLayout;

/** Words of 32 bits per record. */
export const recordWords = recordLayout.bytes / 4;

/** Places of the words. The ports stand in one, and the protocol and the state in another. */
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

/** The third word of ::ffff:0:0/96. */
const mappedWord = 0xffff0000;

/** How many addresses are kept as text. Few distinct ones stand in many records. */
export const knownAddressesMax = 16_384;

/** Keeps the texts of addresses, so that equal ones are one string. */
export class RecordReader {
  readonly #ipv4 = new Map<number, IpAddress>();
  readonly #ipv6 = new Map<string, IpAddress>();

  /** Null when the kernel has a state that has no word. @param at index of the record's first word */
  row(words: Uint32Array, at: number): SocketRow | null {
    const kind = words[at + wordOf.kind]!;
    const protocol: Protocol = (kind & 0xffff) === udp ? 'udp' : 'tcp';
    const state = stateOf(protocol, (kind >>> 16) & 0xff);
    if (state === null) return null;
    const ports = words[at + wordOf.ports]!;
    return {
      protocol,
      state,
      local: this.#endpoint(words, at + wordOf.localIp, ports & 0xffff),
      remote: this.#endpoint(words, at + wordOf.remoteIp, ports >>> 16),
      inode: words[at + wordOf.inode]!,
      uid: words[at + wordOf.uid]!,
      netns: words[at + wordOf.netns]!,
    };
  }

  #endpoint(words: Uint32Array, at: number, port: number): Endpoint {
    return { ip: this.#ip(words, at), port };
  }

  #ip(words: Uint32Array, at: number): IpAddress {
    const isIpv4 = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === mappedWord;
    if (isIpv4)
      return this.#ipv4.get(words[at + 3]!) ?? remember(this.#ipv4, words[at + 3]!, bytesOf(words, at));
    const key = `${words[at]} ${words[at + 1]} ${words[at + 2]} ${words[at + 3]}`;
    return this.#ipv6.get(key) ?? remember(this.#ipv6, key, bytesOf(words, at));
  }
}

/** The address at `at` in network order, which is how its words lie in memory. */
function bytesOf(words: Uint32Array, at: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + at * 4, 16);
}

function remember<K>(known: Map<K, IpAddress>, key: K, bytes: Uint8Array): IpAddress {
  if (known.size >= knownAddressesMax) known.clear();
  const ip = formatIp(bytes);
  known.set(key, ip);
  return ip;
}
