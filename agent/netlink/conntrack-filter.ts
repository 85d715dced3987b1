/**
 * A filter of the classic packet kind (linux/filter.h) that the kernel runs on each event before it wakes anybody: it lets
 * through what is translated, and what it cannot judge.
 *
 *     struct sock_filter, 8 bytes: u16 code, u8 jump if true, u8 jump if false, u32 k
 *     struct sock_fprog, 16 bytes: u16 number of instructions, u64 address at 8
 */
import { conntrackAttributes, headersBytes, translatedBits } from './conntrack-message.ts';
import type { DatagramCalls } from './datagram-calls.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';

/** Load from SKF_AD_OFF + SKF_AD_NLATTR: finds the attribute of type X from offset A on; A becomes its offset, or 0. */
const findAttributeAt = 0xffff_f00c;
const acceptWhole = 0xffff_ffff;
const attributeHeaderBytes = 4;

const codes = {
  loadNumber: 0x00,
  loadTypeToX: 0x01,
  loadByteAt: 0x30,
  loadWordAtX: 0x40,
  jumpIfEqual: 0x15,
  jumpIfAnyBit: 0x45,
  copyToX: 0x07,
  end: 0x06,
} as const;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number];

const program: readonly Instruction[] = [
  [codes.loadNumber, 0, 0, headersBytes],
  [codes.loadTypeToX, 0, 0, conntrackAttributes.status],
  [codes.loadByteAt, 0, 0, findAttributeAt],
  [codes.jumpIfEqual, 4, 0, 0],
  [codes.copyToX, 0, 0, 0],
  [codes.loadWordAtX, 0, 0, attributeHeaderBytes],
  [codes.jumpIfAnyBit, 1, 0, translatedBits],
  [codes.end, 0, 0, 0],
  [codes.end, 0, 0, acceptWhole],
];

const instructionBytes = 8;

/** The struct sock_filter of each instruction. */
export function encodeTranslatedFilter(): Buffer {
  const bytes = Buffer.alloc(program.length * instructionBytes);
  for (const [i, [code, ifTrue, ifFalse, k]] of program.entries()) {
    const at = i * instructionBytes;
    bytes.writeUInt16LE(code, at);
    bytes[at + 2] = ifTrue;
    bytes[at + 3] = ifFalse;
    bytes.writeUInt32LE(k, at + 4);
  }
  return bytes;
}

const solSocket = 1;
const soAttachFilter = 26;

/** Throws NetlinkError. */
export function attachTranslatedFilter(calls: DatagramCalls, fd: number): void {
  const instructions = encodeTranslatedFilter();
  const pointer = Buffer.alloc(16);
  pointer.writeUInt16LE(program.length, 0);
  pointer.writeBigUInt64LE(calls.address(instructions), 8);
  if (calls.setsockopt(fd, solSocket, soAttachFilter, pointer, pointer.length) < 0) {
    throw new NetlinkError('filter conntrack events', errnoName(calls.errno()));
  }
}
