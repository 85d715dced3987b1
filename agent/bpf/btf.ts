/**
 * BTF, the kernel's description of its own types (Documentation/bpf/btf.rst, include/uapi/linux/btf.h): where in which
 * struct a member lies on the kernel that runs, so that programs fit it without a compiler and without its headers.
 *
 *     struct btf_header   u16 magic 0xeb9f, u8 version, u8 flags, u32 header length,
 *                         u32 type offset, u32 type length, u32 string offset, u32 string length (from the header's end)
 *     struct btf_type     u32 name offset, u32 info (entries in bits 0-15, kind in 24-28, flag in 31), u32 size or type;
 *                         then entries, whose number and size depend on the kind. The first type has id 1.
 *     strings             one NUL-terminated text after the other, each text once
 *
 * All in the byte order of the machine; whoever reads one on a big-endian machine is told that it has no magic.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import type { BpfCalls } from './bpf-calls.ts';

/** Where the kernel shows its own. */
const vmlinuxPath = '/sys/kernel/btf/vmlinux';

/** BTF_KIND_*. */
export const btfKinds = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcPrototype: 13,
  variable: 14,
  dataSection: 15,
  float: 16,
  declarationTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

export type BtfKind = keyof typeof btfKinds;

export const btfMagic = 0xeb9f;

/** Words of four bytes of a struct btf_type without its entries. */
const typeWords = 3;

/** struct btf_member: u32 name offset, u32 type, u32 bit offset. */
const memberWords = 3;

/** Words of each entry after a struct btf_type, by kind. */
const entryWords = wordsByKind({
  struct: memberWords,
  union: memberWords,
  enum: 2,
  funcPrototype: 2,
  dataSection: 3,
  enum64: 3,
});

/** Words that stand once after a struct btf_type, by kind. */
const extraWords = wordsByKind({ int: 1, array: 3, variable: 1, declarationTag: 1 });

/** The last kind that is known here; there is none with number 0. A kernel that has more is not understood. */
const lastKind = btfKinds.enum64;

/** Words of a type without its entries, by kind; 0 for kinds that are not known. */
const firstWords = extraWords.map((extra, kind) => (kind === 0 || kind > lastKind ? 0 : typeWords + extra));

/** How many typedefs, qualifiers and dimensions of arrays may stand before a type; the kernel allows half as many. */
const wrappingsMax = 64;

/** Kinds that only say something about the type that they refer to. */
const wrappers: ReadonlySet<number> = new Set([
  btfKinds.typedef,
  btfKinds.volatile,
  btfKinds.const,
  btfKinds.restrict,
  btfKinds.typeTag,
]);

/** A place in memory, relative to the start of a struct. */
export interface Field {
  /** As C would write it, such as `sock.__sk_common.skc_family`. */
  readonly name: string;
  readonly offset: number;
  /** Size of the whole member. */
  readonly bytes: number;
}

/** The description is none, or lacks something. */
export class BtfError extends Error {
  override readonly name: string = 'BtfError';
}

/** The kernel shows none, or what it shows is damaged. */
export class BtfUnreadableError extends BtfError {
  override readonly name = 'BtfUnreadableError';
}

/**
 * Reads the description of the running kernel. Throws BtfUnreadableError where it shows none, or a damaged one.
 *
 * @param calls with them it is looked at where the kernel has it, if that allows it (Linux 6.16), and not read page by page:
 *     for a process that is over soon, since it never lets go of it
 */
export function readKernelBtf(path = vmlinuxPath, calls: Pick<BpfCalls, 'map'> | null = null): Btf {
  let bytes: Buffer;
  try {
    bytes = (calls === null ? null : mapFile(path, calls)) ?? readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BtfUnreadableError(`cannot read ${path}: ${code ?? 'unknown reason'}`, { cause: error });
  }
  try {
    return new Btf(bytes);
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    throw new BtfUnreadableError(`${path} is damaged: ${error.message}`, { cause: error });
  }
}

/** Null where the kernel only has it read. Throws Node's own error. */
function mapFile(path: string, calls: Pick<BpfCalls, 'map'>): Buffer | null {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return null;
    const mapping = calls.map(fd, size, { offset: 0, isReadOnly: true, isPrivate: true });
    return mapping?.bytes.subarray(0, size) ?? null;
  } finally {
    closeSync(fd);
  }
}

/**
 * Keeps of each type only where it stands and what it is called: of a hundred thousand, programs need some dozens, and
 * what those are made of is read when it is asked for.
 */
export class Btf {
  readonly #strings: Buffer;
  /** The types, four bytes each. */
  readonly #words: Uint32Array;
  /** By type id: its first word, and offset of its name in #strings (0 = none). Id 0 is void. */
  readonly #places: Uint32Array;
  readonly #names: Uint32Array;
  /** Those that were asked for by name. */
  readonly #ids = new Map<string, number>();

  /** Throws BtfError when `bytes` is no BTF. */
  constructor(bytes: Buffer) {
    if (bytes.length < 24 || bytes.readUInt16LE(0) !== btfMagic) throw new BtfError('no magic number');
    const headerBytes = bytes.readUInt32LE(4);
    const section = (at: number): Buffer => {
      const start = headerBytes + bytes.readUInt32LE(at);
      const end = start + bytes.readUInt32LE(at + 4);
      if (end > bytes.length) throw new BtfError(`cut off: ${bytes.length} of ${end} bytes`);
      return bytes.subarray(start, end);
    };
    this.#words = wordsOf(section(8));
    this.#strings = section(16);
    const idsMax = Math.floor(this.#words.length / typeWords) + 1;
    this.#places = new Uint32Array(idsMax);
    this.#names = new Uint32Array(idsMax);
    this.#index();
  }

  /** Id of a named type. Throws BtfError when there is none of that kind. */
  id(kind: BtfKind, name: string): number {
    const key = `${kind} ${name}`;
    const id = this.#ids.get(key) ?? this.#find(kind, name);
    this.#ids.set(key, id);
    return id;
  }

  /**
   * A member of a struct by its path, such as `__sk_common.skc_net.net`. Members of anonymous structs and unions are
   * named as if they were the struct's own, as in C. Throws BtfError when there is none, or it is a bit field.
   */
  field(struct: string, path: string): Field {
    const name = `${struct}.${path}`;
    let type = this.id('struct', struct);
    let bits = 0;
    for (const member of path.split('.')) {
      const found = this.#member(type, member);
      if (found === null) throw new BtfError(`this kernel has no ${name}`);
      type = found.type;
      bits += found.bits;
    }
    if (bits % 8 !== 0) throw new BtfError(`${name} is a bit field on this kernel`);
    return { name, offset: bits / 8, bytes: this.#size(type) };
  }

  /** Size of a struct. Throws BtfError when there is none. */
  structBytes(name: string): number {
    return this.#size(this.id('struct', name));
  }

  /** Value of an enumerator (of 32 bits). Throws BtfError when there is none. */
  enumerator(enumeration: string, name: string): number {
    const at = this.#places[this.id('enum', enumeration)]!;
    for (let entry = at + typeWords, left = this.#entries(at); left > 0; left--, entry += 2) {
      if (this.#isNamed(this.#words[entry]!, name)) return this.#words[entry + 1]! | 0;
    }
    throw new BtfError(`this kernel has no ${name} in enum ${enumeration}`);
  }

  #find(kind: BtfKind, name: string): number {
    const nameOffset = this.#strings.indexOf(`\0${name}\0`, 'latin1') + 1;
    if (nameOffset > 0) {
      for (let id = this.#names.indexOf(nameOffset); id > 0; id = this.#names.indexOf(nameOffset, id + 1)) {
        if (this.#kind(id) === btfKinds[kind]) return id;
      }
    }
    throw new BtfError(`this kernel has no ${kind} ${name}`);
  }

  /** From here on every type and all of its entries lie within the bytes. Throws BtfError where one does not. */
  #index(): void {
    const [words, places, names] = [this.#words, this.#places, this.#names];
    const [first, perEntry] = [firstWords, entryWords];
    const end = words.length - typeWords;
    let id = 1;
    let at = 0;
    while (at <= end) {
      const shape = words[at + 1]!;
      const kind = (shape >>> 24) & 31;
      const fixed = first[kind]!;
      if (fixed === 0) throw new BtfError(`type ${id} is of an unknown kind, ${kind}`);
      places[id] = at;
      names[id++] = words[at]!;
      at += fixed + perEntry[kind]! * (shape & 0xffff);
    }
    if (at !== words.length) throw new BtfError(`type ${id - 1} does not end where the types do`);
  }

  /** BTF_KIND_* of a type; 0 for void, and for an id that is none. */
  #kind(id: number): number {
    const isType = id > 0 && id < this.#places.length && (id === 1 || this.#places[id] !== 0);
    return isType ? (this.#words[this.#places[id]! + 1]! >>> 24) & 31 : 0;
  }

  /** @param at first word of a type */
  #entries(at: number): number {
    return this.#words[at + 1]! & 0xffff;
  }

  /**
   * Type and bit offset of a direct member, also through anonymous structs and unions; null when there is none.
   *
   * @param searched those that were looked into already, so that none of them leads in a circle
   */
  #member(struct: number, name: string, searched = new Set<number>()): { type: number; bits: number } | null {
    const words = this.#words;
    const id = this.#unwrap(struct);
    if (this.#kind(id) !== btfKinds.struct && this.#kind(id) !== btfKinds.union) return null;
    if (searched.has(id)) return null;
    searched.add(id);
    const at = this.#places[id]!;
    // With the flag, the upper 8 bits of an offset are the width of a bit field.
    const hasWidths = words[at + 1]! >>> 31 === 1;
    for (let entry = at + typeWords, left = this.#entries(at); left > 0; left--, entry += memberWords) {
      const [nameOffset, type, offset] = [words[entry]!, words[entry + 1]!, words[entry + 2]!];
      const bits = hasWidths ? offset & 0xffffff : offset;
      if (this.#isNamed(nameOffset, name)) return { type, bits };
      if (nameOffset !== 0) continue;
      const inner = this.#member(type, name, searched);
      if (inner !== null) return { type: inner.type, bits: bits + inner.bits };
    }
    return null;
  }

  /** The type behind typedefs and qualifiers. Throws BtfError when there is none. */
  #unwrap(type: number): number {
    let id = type;
    for (let left = wrappingsMax; wrappers.has(this.#kind(id)); left--) {
      if (left === 0) throw new BtfError(`type ${type} refers to itself`);
      id = this.#words[this.#places[id]! + 2]!;
    }
    if (id !== 0 && this.#kind(id) === 0)
      throw new BtfError(`type ${type} refers to type ${id}, which is none`);
    return id;
  }

  #size(type: number): number {
    const words = this.#words;
    let elements = 1;
    let id = this.#unwrap(type);
    for (let left = wrappingsMax; this.#kind(id) === btfKinds.array; left--) {
      if (left === 0) throw new BtfError(`type ${type} refers to itself`);
      // struct btf_array: u32 element type, u32 index type, u32 elements.
      const at = this.#places[id]! + typeWords;
      elements *= words[at + 2]!;
      id = this.#unwrap(words[at]!);
    }
    if (this.#kind(id) === btfKinds.pointer) return elements * 8;
    return id === 0 ? 0 : elements * words[this.#places[id]! + 2]!;
  }

  /** Compares in place: members are many, and those that are asked for are few. */
  #isNamed(nameOffset: number, name: string): boolean {
    const end = nameOffset + name.length;
    return this.#strings[end] === 0 && this.#strings.toString('latin1', nameOffset, end) === name;
  }
}

/** The same memory where it can be looked at so, else a copy. Throws BtfError for bytes that are no whole words. */
function wordsOf(bytes: Buffer): Uint32Array {
  if (bytes.length % 4 !== 0)
    throw new BtfError(`the types have ${bytes.length} bytes, which is no whole word`);
  const isAligned = bytes.byteOffset % 4 === 0;
  const { buffer, byteOffset, length } = isAligned ? bytes : Buffer.from(Uint8Array.from(bytes).buffer);
  return new Uint32Array(buffer, byteOffset, length / 4);
}

/** Index = BTF_KIND_*, which has 5 bits; 0 for kinds that are not named. */
function wordsByKind(words: Partial<Record<BtfKind, number>>): Uint8Array {
  const table = new Uint8Array(32);
  for (const [kind, count] of Object.entries(words)) table[btfKinds[kind as BtfKind]] = count;
  return table;
}
