/** iter/task: notes each process that has files (process-program.ts), and nothing of its files. */
import { exit, label, move, type Statement } from './instruction.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { keepEntry, noteProcess, type ProcessProgramOptions } from './process-program.ts';

export function processListProgram(kernel: BasicLayout, options: ProcessProgramOptions): Statement[] {
  return [...noteProcess(kernel, options), ...keepEntry(), label('done'), move('r0', 0), exit()];
}
