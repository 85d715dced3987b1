/**
 * bpf(2): maps, programs, their types, and the iterators that run them. union bpf_attr of include/uapi/linux/bpf.h, one
 * struct per command; offsets stand beside each value. Everything is an fd, closed on exec, that the caller closes.
 *
 * All functions throw BpfError. A program is loaded on a thread of the pool: the verifier takes up to some tens of
 * milliseconds, for which the event loop would stand still.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { storageTypeIds } from './storage-types.ts';

/** enum bpf_cmd. */
const commands = {
  mapCreate: 0,
  programLoad: 5,
  objectInfo: 15,
  tracepointOpen: 17,
  typesLoad: 18,
  linkCreate: 28,
  iteratorCreate: 33,
} as const;

/** BPF_MAP_TYPE_*. */
const mapTypes = { array: 2, arrayPerCpu: 6, socketStorage: 24, ring: 27 } as const;

/** BPF_F_NO_PREALLOC, BPF_F_CLONE and BPF_F_MMAPABLE. */
const mapFlags = { onDemand: 0x1, clone: 0x200, mappable: 0x400 } as const;

/** BPF_PROG_TYPE_TRACING, and what such a program may be attached to: BPF_TRACE_RAW_TP and BPF_TRACE_ITER. */
const tracingProgram = 26;
const attachments = { tracepoint: 23, iterator: 28 } as const;

/** BPF_F_SLEEPABLE. */
const sleepable = 0x10;

/** struct bpf_func_info. */
const functionPlaceBytes = 8;

/**
 * Programs that call the helpers of tracing have to be under a licence that is compatible with the GPL. This is that of
 * the generated programs alone, which run inside the kernel; nothing else in this project is touched by it.
 */
const programLicence = Buffer.from('Dual BSD/GPL\0');

/** Room for what the verifier has to say of one program. */
const logBytes = 1 << 20;

/** How often a program is loaded anew because a signal came in between, which makes the verifier give up: EAGAIN. */
const loadAttemptsMax = 5;

/** Longest name of a program or map, without its NUL. */
const nameBytesMax = 15;

/** An array map of which user space can map the values into its memory. @param valueBytes a multiple of 8 */
export function createArrayMap(calls: BpfCalls, name: string, valueBytes: number, entries: number): number {
  const { mappable } = mapFlags;
  return createMap(calls, name, { type: mapTypes.array, keyBytes: 4, valueBytes, entries, flags: mappable });
}

/** An array map of which each processor has values of its own. @param valueBytes a multiple of 8 */
export function createArrayPerCpu(
  calls: BpfCalls,
  name: string,
  valueBytes: number,
  entries: number,
): number {
  return createMap(calls, name, { type: mapTypes.arrayPerCpu, keyBytes: 4, valueBytes, entries, flags: 0 });
}

/** A ring buffer. @param bytes a power of two, and whole pages */
export function createRing(calls: BpfCalls, name: string, bytes: number): number {
  return createMap(calls, name, {
    type: mapTypes.ring,
    keyBytes: 0,
    valueBytes: 0,
    entries: bytes,
    flags: 0,
  });
}

/**
 * A value beside each socket, made when a program first asks for it. A connection that is accepted begins with a copy of
 * its listener's.
 *
 * @param types fd of loadTypes, where type 1 is the key (an int) and type 3 the value
 */
export function createSocketStorage(
  calls: BpfCalls,
  name: string,
  valueBytes: number,
  types: number,
): number {
  const flags = mapFlags.onDemand | mapFlags.clone;
  const shape = { type: mapTypes.socketStorage, keyBytes: 4, valueBytes, entries: 0, flags };
  return createMap(calls, name, shape, types);
}

interface MapShape {
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  readonly flags: number;
}

function createMap(calls: BpfCalls, name: string, shape: MapShape, types?: number): number {
  const attributes = Buffer.alloc(72);
  attributes.writeUInt32LE(shape.type, 0); // map_type
  attributes.writeUInt32LE(shape.keyBytes, 4); // key_size
  attributes.writeUInt32LE(shape.valueBytes, 8); // value_size
  attributes.writeUInt32LE(shape.entries, 12); // max_entries
  attributes.writeUInt32LE(shape.flags, 16); // map_flags
  writeName(attributes, 28, name); // map_name
  if (types !== undefined) {
    attributes.writeUInt32LE(types, 48); // btf_fd
    attributes.writeUInt32LE(storageTypeIds.key, 52); // btf_key_type_id
    attributes.writeUInt32LE(storageTypeIds.value, 56); // btf_value_type_id
  }
  return call(calls, `create the map ${name}`, commands.mapCreate, attributes);
}

/** The types of a program's functions. */
export function loadTypes(calls: BpfCalls, types: Buffer): number {
  const attributes = Buffer.alloc(32);
  attributes.writeUInt32LE(types.length, 16); // btf_size
  return call(calls, 'load the types of a program', commands.typesLoad, attributes, [
    [0, types], // btf
  ]);
}

interface TracingProgram {
  readonly name: string;
  readonly instructions: Buffer;
  /** Makes one line per instruction, beginning with its index. */
  readonly listing: () => readonly string[];
}

export interface TracepointProgram extends TracingProgram {
  /** BTF id of the typedef that stands for the tracepoint. */
  readonly tracepoint: number;
}

export interface IteratorProgram extends TracingProgram {
  /** BTF id of the kernel's function that stands for the iterator. */
  readonly iterator: number;
  /** Needed where there are callbacks. */
  readonly functions?: FunctionTypes;
  /** It may call helpers that sleep. */
  readonly isSleepable?: boolean;
}

/** Fd of loadTypes, and an array of struct bpf_func_info. */
export interface FunctionTypes {
  readonly types: number;
  readonly places: Buffer;
}

/** When the verifier refuses, its last word and the instruction that it is about go into the error. */
export function loadIteratorProgram(calls: BpfCalls, program: IteratorProgram): Promise<number> {
  const { iterator, functions, isSleepable } = program;
  return loadProgram(calls, program, { kind: 'iterator', to: iterator, isSleepable }, functions);
}

/** As loadIteratorProgram. */
export function loadTracepointProgram(calls: BpfCalls, program: TracepointProgram): Promise<number> {
  return loadProgram(calls, program, { kind: 'tracepoint', to: program.tracepoint });
}

interface Attachment {
  readonly kind: keyof typeof attachments;
  /** BTF id. */
  readonly to: number;
  readonly isSleepable?: boolean | undefined;
}

async function loadProgram(
  calls: BpfCalls,
  program: TracingProgram,
  attachment: Attachment,
  functions?: IteratorProgram['functions'],
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    // Only a program that was refused is worth the time that the log takes.
    const log = attempt === 1 ? null : Buffer.alloc(logBytes);
    try {
      return await load(calls, program, attachment, functions, log);
    } catch (error) {
      if (!(error instanceof BpfError) || error.code === 'EPERM') throw error;
      const isFinal = error.code !== 'EAGAIN' && log !== null;
      if (isFinal || attempt === loadAttemptsMax) throw error;
    }
  }
}

function load(
  calls: BpfCalls,
  { name, instructions, listing }: TracingProgram,
  attachment: Attachment,
  functions: IteratorProgram['functions'],
  log: Buffer | null,
): Promise<number> {
  const attributes = Buffer.alloc(128);
  const pointers: Pointer[] = [
    [8, instructions], // insns
    [16, programLicence], // license
  ];
  attributes.writeUInt32LE(tracingProgram, 0); // prog_type
  attributes.writeUInt32LE(instructions.length / 8, 4); // insn_cnt
  if (log !== null) {
    attributes.writeUInt32LE(1, 24); // log_level
    attributes.writeUInt32LE(log.length, 28); // log_size
    pointers.push([32, log]); // log_buf
  }
  if (attachment.isSleepable === true) attributes.writeUInt32LE(sleepable, 44); // prog_flags
  writeName(attributes, 48, name); // prog_name
  attributes.writeUInt32LE(attachments[attachment.kind], 68); // expected_attach_type
  if (functions !== undefined) {
    attributes.writeUInt32LE(functions.types, 72); // prog_btf_fd
    attributes.writeUInt32LE(functionPlaceBytes, 76); // func_info_rec_size
    pointers.push([80, functions.places]); // func_info
    attributes.writeUInt32LE(functions.places.length / functionPlaceBytes, 88); // func_info_cnt
  }
  attributes.writeUInt32LE(attachment.to, 108); // attach_btf_id
  const detail = (): string => (log === null ? '' : verdict(log.toString('latin1'), listing()));
  return callAside(calls, `load the program ${name}`, commands.programLoad, attributes, pointers, detail);
}

/** The verifier's last line before its statistics, and the last instruction that it looked at, in our words. */
export function verdict(log: string, listing: readonly string[]): string {
  const lines = log.slice(0, log.indexOf('\0')).split('\n');
  const last =
    lines.findLast((line) => line !== '' && !/^processed \d+ insns/.test(line)) ?? 'no reason given';
  const index = lines.findLast((line) => /^\d+: \(/.test(line))?.split(':', 1)[0];
  const instruction = listing.find((line) => line.startsWith(`${index}: `));
  return instruction === undefined ? last : `${last} (at ${instruction})`;
}

/** Makes a program ready to be iterated. @param scope a union bpf_iter_link_info; null = everything */
export function linkIterator(calls: BpfCalls, program: number, scope: Buffer | null): number {
  const attributes = Buffer.alloc(64);
  attributes.writeUInt32LE(program, 0); // prog_fd
  attributes.writeUInt32LE(attachments.iterator, 8); // attach_type
  if (scope === null) return call(calls, 'attach an iterator', commands.linkCreate, attributes);
  attributes.writeUInt32LE(scope.length, 24); // iter_info_len
  return call(calls, 'attach an iterator', commands.linkCreate, attributes, [
    [16, scope], // iter_info
  ]);
}

/** The threads or files of one process, by the caller's pid namespace: u32 tid, u32 pid, u32 pid_fd. */
export function processScope(pid: number): Buffer {
  const scope = Buffer.alloc(12);
  scope.writeUInt32LE(pid, 4);
  return scope;
}

/** All cgroups of the unified hierarchy, parents first: u32 order (BPF_CGROUP_ITER_DESCENDANTS_PRE), u32 cgroup_fd, u64 id. */
export function allCgroupsScope(): Buffer {
  const scope = Buffer.alloc(16);
  scope.writeUInt32LE(2, 0);
  return scope;
}

/** One iteration: it runs while the fd is read. */
export function createIterator(calls: BpfCalls, link: number): number {
  const attributes = Buffer.alloc(8);
  attributes.writeUInt32LE(link, 0); // link_fd
  return call(calls, 'start an iteration', commands.iteratorCreate, attributes);
}

/** Lets a program run at its tracepoint for as long as the fd that is returned is open. */
export function attachTracepoint(calls: BpfCalls, program: number): number {
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(program, 8); // prog_fd; the name at 0 stays empty, as the program knows its tracepoint
  return call(calls, 'attach to a tracepoint', commands.tracepointOpen, attributes);
}

/** What the kernel tells of a program. @returns struct bpf_prog_info, as much as it has of the 256 bytes asked for */
export function readProgramInfo(calls: BpfCalls, program: number): Buffer {
  const info = Buffer.alloc(256);
  const attributes = Buffer.alloc(16);
  attributes.writeUInt32LE(program, 0); // bpf_fd
  attributes.writeUInt32LE(info.length, 4); // info_len
  call(calls, 'ask about a program', commands.objectInfo, attributes, [
    [8, info], // info
  ]);
  return info;
}

/** Where in the attributes the address of which buffer goes. */
type Pointer = readonly [offset: number, bytes: Buffer];

function call(
  calls: BpfCalls,
  operation: string,
  command: number,
  attributes: Buffer,
  pointers: readonly Pointer[] = [],
): number {
  writePointers(calls, attributes, pointers);
  const result = calls.bpf(command, attributes);
  const errno = result < 0 ? calls.errno() : 0;
  keepUntilHere(operation, pointers);
  if (result < 0) throw new BpfError(operation, errno);
  return result;
}

/** The same on a thread of the pool. @param detail what else is known of a failure */
async function callAside(
  calls: BpfCalls,
  operation: string,
  command: number,
  attributes: Buffer,
  pointers: readonly Pointer[],
  detail: () => string,
): Promise<number> {
  writePointers(calls, attributes, pointers);
  const { result, errno } = await calls.bpfAside(command, attributes);
  keepUntilHere(operation, pointers);
  if (result < 0) throw new BpfError(operation, errno, detail());
  return result;
}

function writePointers(calls: BpfCalls, attributes: Buffer, pointers: readonly Pointer[]): void {
  for (const [offset, bytes] of pointers) attributes.writeBigUInt64LE(calls.address(bytes), offset);
}

/** Nothing but this use keeps the buffers, whose addresses the kernel has, from being collected during the call. */
function keepUntilHere(operation: string, pointers: readonly Pointer[]): void {
  if (pointers.some(([, bytes]) => bytes.length === 0)) throw new RangeError(`${operation}: an empty buffer`);
}

function writeName(attributes: Buffer, at: number, name: string): void {
  if (name.length > nameBytesMax) throw new RangeError(`${name} is longer than ${nameBytesMax} bytes`);
  attributes.write(name, at, 'latin1');
}
