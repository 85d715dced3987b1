/**
 * eBPF instructions (Documentation/bpf/standardization/instruction-set.rst), each made by a function of its own.
 *
 *     struct bpf_insn, 8 bytes: u8 opcode, u4 destination register (low) and u4 source register (high), s16 offset, s32 immediate
 *
 * An operand that is text is a register, one that is a number is an immediate. Every instruction brings its line of
 * the listing along, in the words of the kernel's verifier, so that its complaints can be read beside the program.
 */
import type { Field } from './btf.ts';

/** r0 result, r1-r5 arguments (lost in a call), r6-r9 kept across calls, fp top of a stack of 512 bytes. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'fp';

/** 8 bytes of a program, or 16 where the immediate has 64 bits. */
export interface Instruction {
  readonly kind: 'instruction';
  readonly opcode: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
  /** Upper half of a 64-bit immediate; it makes the instruction twice as long. */
  readonly immediateHigh?: number;
  /** Label whose distance goes into the offset (a jump) or the immediate (a callback). */
  readonly target?: { readonly label: string; readonly into: 'offset' | 'immediate' };
  readonly text: string;
}

/** A place in the program that jumps name. */
export interface Label {
  readonly kind: 'label';
  readonly name: string;
}

export type Statement = Instruction | Label;

const registerNumbers: Readonly<Record<Register, number>> = {
  r0: 0,
  r1: 1,
  r2: 2,
  r3: 3,
  r4: 4,
  r5: 5,
  r6: 6,
  r7: 7,
  r8: 8,
  r9: 9,
  fp: 10,
};

/** Added to an opcode whose second operand is a register. */
const fromRegister = 0x08;

/** Opcodes with an immediate: BPF_ALU64. */
const arithmetic = { '+': 0x07, '-': 0x17, '&': 0x57, '<<': 0x67, '>>': 0x77, '': 0xb7 } as const;

/** Opcodes with an immediate: BPF_JMP; comparisons are unsigned and of 64 bits. */
const comparisons = { '==': 0x15, '!=': 0x55, '<': 0xa5, '>': 0x25 } as const;

/** BPF_MEM opcodes by width, and how the verifier writes the type. */
const widths: Readonly<
  Record<number, { load: number; store: number; storeImmediate: number; type: string }>
> = {
  1: { load: 0x71, store: 0x73, storeImmediate: 0x72, type: 'u8' },
  2: { load: 0x69, store: 0x6b, storeImmediate: 0x6a, type: 'u16' },
  4: { load: 0x61, store: 0x63, storeImmediate: 0x62, type: 'u32' },
  8: { load: 0x79, store: 0x7b, storeImmediate: 0x7a, type: 'u64' },
};

/** BPF_STX | BPF_ATOMIC, for 8 bytes; the immediate 0 is BPF_ADD. */
const atomic64 = 0xdb;

/** BPF_LD | BPF_DW | BPF_IMM, and what its source register says about the immediate (BPF_PSEUDO_*). */
const wide = 0x18;
const pseudo = { constant: 0, map: 1, mapValue: 2, kernelFunction: 2, callback: 4 } as const;

const blank = { destination: 0, source: 0, offset: 0, immediate: 0 } as const;

export function label(name: string): Label {
  return { kind: 'label', name };
}

/** `destination = value` */
export function move(destination: Register, value: Register | number): Instruction {
  return compute('', destination, value);
}

export function add(destination: Register, value: Register | number): Instruction {
  return compute('+', destination, value);
}

export function subtract(destination: Register, value: Register | number): Instruction {
  return compute('-', destination, value);
}

export function and(destination: Register, value: Register | number): Instruction {
  return compute('&', destination, value);
}

export function shiftLeft(destination: Register, bits: number): Instruction {
  return compute('<<', destination, bits);
}

export function shiftRight(destination: Register, bits: Register | number): Instruction {
  return compute('>>', destination, bits);
}

function compute(
  operator: keyof typeof arithmetic,
  destination: Register,
  value: Register | number,
): Instruction {
  const isRegister = typeof value === 'string';
  return {
    ...blank,
    kind: 'instruction',
    opcode: arithmetic[operator] + (isRegister ? fromRegister : 0),
    destination: registerNumbers[destination],
    source: isRegister ? registerNumbers[value] : 0,
    immediate: isRegister ? 0 : value,
    text: `${destination} ${operator}= ${value}`,
  };
}

/** A 16-bit number from network order to the machine's. */
export function networkToHost16(register: Register): Instruction {
  const destination = registerNumbers[register];
  const text = `${register} = be16 ${register}`;
  return { ...blank, kind: 'instruction', opcode: 0xdc, destination, immediate: 16, text };
}

/** `destination = base->field`, as wide as the field. Throws RangeError for a field that no register holds. */
export function load(destination: Register, base: Register, field: Field): Instruction {
  const { load: opcode, type } = widthOf(field);
  return {
    ...blank,
    kind: 'instruction',
    opcode,
    destination: registerNumbers[destination],
    source: registerNumbers[base],
    offset: field.offset,
    text: `${destination} = *(${type} *)(${base} ${signed(field.offset)})  ; ${field.name}`,
  };
}

/** `base->field = value`, as wide as the field. Throws RangeError for a field that no register holds. */
export function store(base: Register, field: Field, value: Register | number): Instruction {
  const { store: fromSource, storeImmediate, type } = widthOf(field);
  const isRegister = typeof value === 'string';
  return {
    ...blank,
    kind: 'instruction',
    opcode: isRegister ? fromSource : storeImmediate,
    destination: registerNumbers[base],
    source: isRegister ? registerNumbers[value] : 0,
    offset: field.offset,
    immediate: isRegister ? 0 : value,
    text: `*(${type} *)(${base} ${signed(field.offset)}) = ${value}  ; ${field.name}`,
  };
}

/** `base->field += source` as one step, whatever other processors do meanwhile. Throws RangeError unless it has 8 bytes. */
export function atomicAdd(base: Register, field: Field, source: Register): Instruction {
  if (field.bytes !== 8) throw new RangeError(`${field.name} has ${field.bytes} bytes, not 8`);
  return {
    ...blank,
    kind: 'instruction',
    opcode: atomic64,
    destination: registerNumbers[base],
    source: registerNumbers[source],
    offset: field.offset,
    text: `lock *(u64 *)(${base} ${signed(field.offset)}) += ${source}  ; ${field.name}`,
  };
}

function widthOf(field: Field): (typeof widths)[number] {
  const width = widths[field.bytes];
  if (width === undefined)
    throw new RangeError(`${field.name} has ${field.bytes} bytes: no register holds it`);
  return width;
}

export function jump(to: string): Instruction {
  return {
    ...blank,
    kind: 'instruction',
    opcode: 0x05,
    target: { label: to, into: 'offset' },
    text: `goto ${to}`,
  };
}

/** Jumps when the comparison holds. */
export function jumpIf(
  left: Register,
  comparison: keyof typeof comparisons,
  right: Register | number,
  to: string,
): Instruction {
  const isRegister = typeof right === 'string';
  return {
    ...blank,
    kind: 'instruction',
    opcode: comparisons[comparison] + (isRegister ? fromRegister : 0),
    destination: registerNumbers[left],
    source: isRegister ? registerNumbers[right] : 0,
    immediate: isRegister ? 0 : right,
    target: { label: to, into: 'offset' },
    text: `if ${left} ${comparison} ${right} goto ${to}`,
  };
}

/** Calls a helper (enum bpf_func_id): arguments in r1-r5, result in r0. */
export function callHelper(helper: { readonly id: number; readonly name: string }): Instruction {
  return {
    ...blank,
    kind: 'instruction',
    opcode: 0x85,
    immediate: helper.id,
    text: `call ${helper.name}#${helper.id}`,
  };
}

/** Calls a function that the kernel offers to programs (kfunc). @param id its BTF id */
export function callKernel(id: number, name: string): Instruction {
  return {
    ...blank,
    kind: 'instruction',
    opcode: 0x85,
    source: pseudo.kernelFunction,
    immediate: id,
    text: `call ${name}#${id}`,
  };
}

export function exit(): Instruction {
  return { ...blank, kind: 'instruction', opcode: 0x95, text: 'exit' };
}

/** `destination = value`, with 64 bits. */
export function loadConstant(destination: Register, value: bigint): Instruction {
  const halves = [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))] as const;
  return loadWide(destination, pseudo.constant, halves, `${destination} = 0x${value.toString(16)} ll`);
}

/** `destination` = the map, as helpers take it. */
export function loadMap(destination: Register, fd: number): Instruction {
  return loadWide(destination, pseudo.map, [fd, 0], `${destination} = map[fd:${fd}]`);
}

/** `destination` = address of the only value of an array map. */
export function loadMapValue(destination: Register, fd: number): Instruction {
  return loadWide(destination, pseudo.mapValue, [fd, 0], `${destination} = map_value[fd:${fd}]`);
}

/** `destination` = a function of this program, for helpers that call back. */
export function loadCallback(destination: Register, to: string): Instruction {
  const instruction = loadWide(destination, pseudo.callback, [0, 0], `${destination} = &${to}`);
  return { ...instruction, target: { label: to, into: 'immediate' } };
}

function loadWide(
  destination: Register,
  source: number,
  [immediate, immediateHigh]: readonly [number, number],
  text: string,
): Instruction {
  return {
    ...blank,
    kind: 'instruction',
    opcode: wide,
    destination: registerNumbers[destination],
    source,
    immediate,
    immediateHigh,
    text,
  };
}

function signed(offset: number): string {
  return offset < 0 ? `- ${-offset}` : `+ ${offset}`;
}
