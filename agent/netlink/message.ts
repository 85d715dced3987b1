/**
 * struct nlmsghdr (linux/netlink.h), 16 bytes in the host's byte order: u32 length including this header, u16 type,
 * u16 flags, u32 sequence, u32 port id. One datagram carries several messages, each aligned to 4 bytes.
 */
import { align } from './attribute.ts';
import { NetlinkError } from './netlink-error.ts';

const headerBytes = 16;

export const messageTypes = { error: 2, done: 3 } as const;

export const messageFlagBits = {
  request: 0x1,
  /** NLM_F_MULTI: one of several messages that answer one request. */
  part: 0x2,
  /** NLM_F_DUMP_INTR: the table changed while it was dumped, so entries may be missing or doubled. */
  dumpInterrupted: 0x10,
  /** NLM_F_ROOT | NLM_F_MATCH. */
  dump: 0x300,
} as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export function encodeMessage(message: NetlinkMessage): Buffer {
  const bytes = Buffer.alloc(headerBytes + message.payload.length);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(message.type, 4);
  bytes.writeUInt16LE(message.flags, 6);
  bytes.writeUInt32LE(message.sequence, 8);
  // The port id stays 0: it is the kernel that is addressed.
  message.payload.copy(bytes, headerBytes);
  return bytes;
}

/** All messages of one datagram. Throws NetlinkError when a length does not fit: then no message is to be trusted. */
export function parseDatagram(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.length - at < headerBytes ? 0 : bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length) {
      throw new NetlinkError(
        'parse a datagram',
        `message at byte ${at} claims ${length} of ${bytes.length} bytes`,
      );
    }
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + headerBytes, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** struct nlmsgerr: i32 negative errno, then the request. Also the payload of DONE. 0 = no error. */
export function errnoOf(message: NetlinkMessage): number {
  return message.payload.length >= 4 ? -message.payload.readInt32LE(0) : 0;
}
