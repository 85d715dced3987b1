/**
 * eBPF instructions (Documentation/bpf/standardization/instruction-set.rst), each made by a function of its own.
 *
 *     struct bpf_insn, 8 bytes: u8 opcode, u4 destination register (low) and u4 source register (high), s16 offset, s32 immediate
 *
 * An operand that is text is a register, one that is a number is an immediate. Every instruction can tell its line of
 * the listing, in the words of the kernel's verifier, so that its complaints can be read beside the program.
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
  /** Upper half of a 64-bit immediate; it makes the instruction twice as long. Null for 32 bits. */
  readonly immediateHigh: number | null;
  /** Label whose distance goes into the offset (a jump) or, where the immediate is wide, into that (a callback). */
  readonly target: string | null;
  /** Only a program that is refused is ever read. */
  readonly text: () => string;
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
const arithmetic = {
  '+': 0x07,
  '-': 0x17,
  '*': 0x27,
  '&': 0x57,
  '<<': 0x67,
  '>>': 0x77,
  '^': 0xa7,
  '': 0xb7,
} as const;

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

/** BPF_JMP | BPF_CALL. */
const callOpcode = 0x85;

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

export function multiply(destination: Register, value: Register | number): Instruction {
  return compute('*', destination, value);
}

export function exclusiveOr(destination: Register, value: Register | number): Instruction {
  return compute('^', destination, value);
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
  const text = (): string => `${destination} ${operator}= ${value}`;
  const to = registerNumbers[destination];
  return typeof value === 'string'
    ? instruction(text, arithmetic[operator] + fromRegister, to, registerNumbers[value], 0, 0)
    : instruction(text, arithmetic[operator], to, 0, 0, value);
}

/** A 16-bit number from network order to the machine's. */
export function networkToHost16(register: Register): Instruction {
  return instruction(() => `${register} = be16 ${register}`, 0xdc, registerNumbers[register], 0, 0, 16);
}

/** `destination = base->field`, as wide as the field. Throws RangeError for a field that no register holds. */
export function load(destination: Register, base: Register, field: Field): Instruction {
  const { load: opcode, type } = widthOf(field);
  const text = (): string =>
    `${destination} = *(${type} *)(${base} ${signed(field.offset)})  ; ${field.name}`;
  return instruction(text, opcode, registerNumbers[destination], registerNumbers[base], field.offset, 0);
}

/** `base->field = value`, as wide as the field. Throws RangeError for a field that no register holds. */
export function store(base: Register, field: Field, value: Register | number): Instruction {
  const { store: fromSource, storeImmediate, type } = widthOf(field);
  const text = (): string => `*(${type} *)(${base} ${signed(field.offset)}) = ${value}  ; ${field.name}`;
  const to = registerNumbers[base];
  return typeof value === 'string'
    ? instruction(text, fromSource, to, registerNumbers[value], field.offset, 0)
    : instruction(text, storeImmediate, to, 0, field.offset, value);
}

/** `base->field += source` as one step, whatever other processors do meanwhile. Throws RangeError unless it has 8 bytes. */
export function atomicAdd(base: Register, field: Field, source: Register): Instruction {
  if (field.bytes !== 8) throw new RangeError(`${field.name} has ${field.bytes} bytes, not 8`);
  const text = (): string => `lock *(u64 *)(${base} ${signed(field.offset)}) += ${source}  ; ${field.name}`;
  return instruction(text, atomic64, registerNumbers[base], registerNumbers[source], field.offset, 0);
}

function widthOf(field: Field): (typeof widths)[number] {
  const width = widths[field.bytes];
  if (width === undefined)
    throw new RangeError(`${field.name} has ${field.bytes} bytes: no register holds it`);
  return width;
}

export function jump(to: string): Instruction {
  return instruction(() => `goto ${to}`, 0x05, 0, 0, 0, 0, to);
}

/** Jumps when the comparison holds. */
export function jumpIf(
  left: Register,
  comparison: keyof typeof comparisons,
  right: Register | number,
  to: string,
): Instruction {
  const text = (): string => `if ${left} ${comparison} ${right} goto ${to}`;
  const opcode = comparisons[comparison];
  return typeof right === 'string'
    ? instruction(text, opcode + fromRegister, registerNumbers[left], registerNumbers[right], 0, 0, to)
    : instruction(text, opcode, registerNumbers[left], 0, 0, right, to);
}

/** Calls a helper (enum bpf_func_id): arguments in r1-r5, result in r0. */
export function callHelper({ id, name }: { readonly id: number; readonly name: string }): Instruction {
  return instruction(() => `call ${name}#${id}`, callOpcode, 0, 0, 0, id);
}

/** Calls a function that the kernel offers to programs (kfunc). @param id its BTF id */
export function callKernel(id: number, name: string): Instruction {
  return instruction(() => `call ${name}#${id}`, callOpcode, 0, pseudo.kernelFunction, 0, id);
}

export function exit(): Instruction {
  return instruction(() => 'exit', 0x95, 0, 0, 0, 0);
}

/** `destination = value`, with 64 bits. */
export function loadConstant(destination: Register, value: bigint): Instruction {
  const text = (): string => `${destination} = 0x${value.toString(16)} ll`;
  const [low, high] = [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
  return instruction(text, wide, registerNumbers[destination], pseudo.constant, 0, low, null, high);
}

/** `destination` = the map, as helpers take it. */
export function loadMap(destination: Register, fd: number): Instruction {
  const text = (): string => `${destination} = map[fd:${fd}]`;
  return instruction(text, wide, registerNumbers[destination], pseudo.map, 0, fd, null, 0);
}

/** `destination` = address of the only value of an array map. */
export function loadMapValue(destination: Register, fd: number): Instruction {
  const text = (): string => `${destination} = map_value[fd:${fd}]`;
  return instruction(text, wide, registerNumbers[destination], pseudo.mapValue, 0, fd, null, 0);
}

/** `destination` = a function of this program, for helpers that call back. */
export function loadCallback(destination: Register, to: string): Instruction {
  const text = (): string => `${destination} = &${to}`;
  return instruction(text, wide, registerNumbers[destination], pseudo.callback, 0, 0, to, 0);
}

/** All of one shape: a program has thousands, made by code that runs once. */
function instruction(
  text: () => string,
  opcode: number,
  destination: number,
  source: number,
  offset: number,
  immediate: number,
  target: string | null = null,
  immediateHigh: number | null = null,
): Instruction {
  return {
    kind: 'instruction',
    opcode,
    destination,
    source,
    offset,
    immediate,
    immediateHigh,
    target,
    text,
  };
}

function signed(offset: number): string {
  return offset < 0 ? `- ${-offset}` : `+ ${offset}`;
}
