/** A program at the tracepoint of changes of state: how it is loaded, and what it was kept from. */
import { assemble } from './assembler.ts';
import type { BpfCalls } from './bpf-calls.ts';
import type { EventLayout } from './event-layout.ts';
import type { Statement } from './instruction.ts';
import { loadTracepointProgram, readProgramInfo } from './syscall.ts';

/** @returns fd of the program, which is not attached yet. Rejects with BpfError. */
export function loadAtTracepoint(
  calls: BpfCalls,
  { tracepoint }: EventLayout,
  name: string,
  statements: readonly Statement[],
): Promise<number> {
  const { bytes, listing } = assemble(statements);
  return loadTracepointProgram(calls, { name, instructions: bytes, listing, tracepoint });
}

/**
 * Changes that the program was kept from, because it was at work on that processor. Throws BpfError.
 *
 * @param program its fd
 */
export function readMisses(calls: BpfCalls, { programInfo }: EventLayout, program: number): number {
  return Number(readProgramInfo(calls, program).readBigUInt64LE(programInfo.recursionMisses.offset));
}
