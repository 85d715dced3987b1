/** The number of a process or a thread in one pid namespace, as struct pid holds it (include/linux/pid.h). */
import { jumpIf, label, load, move, type Register, type Statement } from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';

/**
 * `destination` = number of the thread in `thread`, which for the first one is the pid of its process, as the namespace
 * of that level counts; 0 when it is not in it or is going away. r1 and r2 are lost, so neither can be `destination`.
 *
 * @param end a label of the program's own
 */
export function pidNumber(
  kernel: KernelLayout,
  destination: Register,
  thread: Register,
  level: number,
  end: string,
): Statement[] {
  const { numbers } = kernel.pid;
  const { number, bytes } = kernel.pidNumber;
  const atLevel = { ...number, offset: numbers.offset + level * bytes + number.offset };
  return [
    move(destination, 0),
    load('r1', thread, kernel.task.threadPid),
    jumpIf('r1', '==', 0, end),
    load('r2', 'r1', kernel.pid.level),
    jumpIf('r2', '<', level, end),
    load(destination, 'r1', atLevel),
    label(end),
  ];
}
