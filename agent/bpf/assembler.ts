/** Statements to the bytes of a program: labels become distances. */
import type { Instruction, Statement } from './instruction.ts';

/** struct bpf_insn. */
export const instructionBytes = 8;

export interface Program {
  readonly bytes: Buffer;
  /** By label: index of the instruction that it names, in units of instructionBytes. */
  readonly labels: ReadonlyMap<string, number>;
  /** Makes one line per instruction, each with its index as the verifier counts. */
  readonly listing: () => readonly string[];
}

/** The program contradicts itself. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
}

/** Throws AssemblyError for a label that is unknown, doubled, or too far away to jump to. */
export function assemble(statements: readonly Statement[]): Program {
  const { labels, length } = placeLabels(statements);
  // In the byte order of the machine, which is the kernel's.
  const words = new Int32Array((length * instructionBytes) / 4);
  let index = 0;
  for (const statement of statements) {
    if (statement.kind === 'label') continue;
    encode(words, index, statement, distanceTo(statement.target, index, labels));
    index += lengthOf(statement);
  }
  return { bytes: Buffer.from(words.buffer), labels, listing: () => list(statements) };
}

function list(statements: readonly Statement[]): string[] {
  let index = 0;
  return statements.map((statement) => {
    if (statement.kind === 'label') return `${statement.name}:`;
    const line = `${index}: ${statement.text()}`;
    index += lengthOf(statement);
    return line;
  });
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

/** Counted from the instruction after; 0 for no label. */
function distanceTo(target: string | null, index: number, labels: ReadonlyMap<string, number>): number {
  if (target === null) return 0;
  const at = labels.get(target);
  if (at === undefined) throw new AssemblyError(`no label ${target}`);
  return at - index - 1;
}

/** The distance goes into the offset of a jump, or the immediate of a wide instruction. */
function encode(words: Int32Array, index: number, instruction: Instruction, distance: number): void {
  const { opcode, destination, source, immediate, immediateHigh, target } = instruction;
  const isJump = immediateHigh === null;
  if (isJump && (distance < -0x8000 || distance > 0x7fff)) {
    throw new AssemblyError(`label ${target} is ${distance} instructions away: too far to jump`);
  }
  const offset = instruction.offset + (isJump ? distance : 0);
  const at = (index * instructionBytes) / 4;
  words[at] = opcode | (((source << 4) | destination) << 8) | (offset << 16);
  words[at + 1] = immediate + (isJump ? 0 : distance);
  // The second half of a wide instruction is all zero but for its immediate.
  if (immediateHigh !== null) words[at + 3] = immediateHigh;
}

function lengthOf({ immediateHigh }: Instruction): number {
  return immediateHigh === null ? 1 : 2;
}
