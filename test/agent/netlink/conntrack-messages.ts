/** Encodes what ctnetlink answers, for tests of what reads it. */
import { encodeAttribute } from '../../../agent/netlink/attribute.ts';
import type { ConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import type { ConntrackTuple } from '../../../agent/netlink/conntrack-tuple.ts';
import { encodeMessage } from '../../../agent/netlink/message.ts';
import { parseEndpoint } from '../../../model/endpoint.ts';
import { ipBytes, isIpv6 } from '../../../model/ip.ts';
import { protocolNumbers } from '../../../model/socket-state.ts';

/** An entry from `A -> B` and `C -> D`. Translated when the second is not the reverse of the first. */
export function entryOf(original: string, reply: string, more: Partial<ConntrackEntry> = {}): ConntrackEntry {
  const sent = tupleOf(original);
  const answered = tupleOf(reply);
  const isTranslated = original.split(' -> ').toReversed().join(' -> ') !== reply;
  return {
    protocol: 'tcp',
    original: sent,
    reply: answered,
    isTranslated,
    passedNat: true,
    zone: 0,
    id: 7,
    phase: 'open',
    expiresInS: 431_999,
    ...more,
  };
}

/** `10.0.0.1:1 -> 10.0.0.2:2`. */
export function tupleOf(text: string): ConntrackTuple {
  const [source, destination] = text.split(' -> ').map((part) => parseEndpoint(part)!);
  return { source: source!, destination: destination! };
}

/** IPCTNL_MSG_CT_NEW as the kernel answers a question, with attributes that nobody asks for. */
export function entryMessage(entry: ConntrackEntry, sequence = 1): Buffer {
  const translated = entry.isTranslated ? 0x10 : 0;
  const attributes = [
    encodeAttribute(0x8001, tupleBytes(entry, entry.original)),
    encodeAttribute(0x8002, tupleBytes(entry, entry.reply)),
    ...(entry.zone === 0 ? [] : [encodeAttribute(18, be(2, entry.zone))]),
    encodeAttribute(3, be(4, 0xe | translated | (entry.passedNat ? 0x180 : 0))),
    encodeAttribute(8, be(4, 0)),
    encodeAttribute(12, be(4, entry.id)),
    ...(entry.expiresInS === null ? [] : [encodeAttribute(7, be(4, entry.expiresInS))]),
    encodeAttribute(
      0x8004,
      encodeAttribute(0x8001, encodeAttribute(1, be(1, tcpStates[entry.phase ?? 'none']))),
    ),
  ];
  const family = isIpv6(entry.original.source.ip) ? 10 : 2;
  const payload = Buffer.concat([Buffer.from([family, 0, 0, 0]), ...attributes]);
  return encodeMessage({ type: 0x100, flags: 0, sequence, payload });
}

/** TCP_CONNTRACK_*. */
const tcpStates = { none: 0, open: 3, ending: 4, over: 7 } as const;

/** NLMSG_ERROR with an errno. */
export function errorMessage(errno: number, sequence = 1): Buffer {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return encodeMessage({ type: 2, flags: 0, sequence, payload });
}

function tupleBytes({ protocol }: ConntrackEntry, { source, destination }: ConntrackTuple): Buffer {
  const first = isIpv6(source.ip) ? 3 : 1;
  return Buffer.concat([
    encodeAttribute(
      0x8001,
      Buffer.concat([
        encodeAttribute(first, Buffer.from(ipBytes(source.ip))),
        encodeAttribute(first + 1, Buffer.from(ipBytes(destination.ip))),
      ]),
    ),
    encodeAttribute(
      0x8002,
      Buffer.concat([
        encodeAttribute(1, be(1, protocolNumbers[protocol])),
        encodeAttribute(2, be(2, source.port)),
        encodeAttribute(3, be(2, destination.port)),
      ]),
    ),
  ]);
}

function be(length: 1 | 2 | 4, value: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
