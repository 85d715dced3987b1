/** Statements to the bytes of a program: labels become distances. */
import type { Instruction, Statement } from './instruction.ts';

/** struct bpf_insn. */
export const instructionBytes = 8;

export interface Program {
  readonly bytes: Buffer;
  /** By label: index of the instruction that it names, in units of instructionBytes. */
  readonly labels: ReadonlyMap<string, number>;
  /** One line per instruction, each with its index as the verifier counts. */
  readonly listing: readonly string[];
}

/** The program contradicts itself. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
}

/** Throws AssemblyError for a label that is unknown, doubled, or too far away to jump to. */
export function assemble(statements: readonly Statement[]): Program {
  const { labels, length } = placeLabels(statements);
  const bytes = Buffer.alloc(length * instructionBytes);
  const listing: string[] = [];
  let index = 0;
  for (const statement of statements) {
    if (statement.kind === 'label') {
      listing.push(`${statement.name}:`);
      continue;
    }
    listing.push(`${index}: ${statement.text}`);
    encode(bytes, index, resolve(statement, index, labels));
    index += lengthOf(statement);
  }
  return { bytes, labels, listing };
}

function placeLabels(statements: readonly Statement[]): { labels: Map<string, number>; length: number } {
  const labels = new Map<string, number>();
  let length = 0;
  for (const statement of statements) {
    if (statement.kind === 'instruction') length += lengthOf(statement);
    else if (labels.has(statement.name)) throw new AssemblyError(`label ${statement.name} stands twice`);
    else labels.set(statement.name, length);
  }
  return { labels, length };
}

/** Distances count from the instruction after. */
function resolve(instruction: Instruction, index: number, labels: ReadonlyMap<string, number>): Instruction {
  const { target } = instruction;
  if (target === undefined) return instruction;
  const at = labels.get(target.label);
  if (at === undefined) throw new AssemblyError(`no label ${target.label}`);
  const distance = at - index - 1;
  if (target.into === 'offset' && (distance < -0x8000 || distance > 0x7fff)) {
    throw new AssemblyError(`label ${target.label} is ${distance} instructions away: too far to jump`);
  }
  return { ...instruction, [target.into]: distance };
}

function encode(bytes: Buffer, index: number, instruction: Instruction): void {
  const at = index * instructionBytes;
  bytes.writeUInt8(instruction.opcode, at);
  bytes.writeUInt8((instruction.source << 4) | instruction.destination, at + 1);
  bytes.writeInt16LE(instruction.offset, at + 2);
  bytes.writeInt32LE(instruction.immediate | 0, at + 4);
  // The second half of a wide instruction is all zero but for its immediate.
  if (instruction.immediateHigh !== undefined) bytes.writeInt32LE(instruction.immediateHigh, at + 12);
}

function lengthOf({ immediateHigh }: Instruction): number {
  return immediateHigh === undefined ? 1 : 2;
}
