/** The number of a process or a thread in one pid namespace, as struct pid holds it (include/linux/pid.h). */
import type { Field } from './btf.ts';
import {
  add,
  callHelper,
  jumpIf,
  label,
  load,
  move,
  type Register,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { stackSlot } from './stack.ts';

/** Below what the programs themselves keep on their stacks. */
const slot = stackSlot('number', -64, 4);

/**
 * `destination` = number of the thread in `thread`, which for the first one is the pid of its process, as the namespace
 * of that level counts; 0 when it is not in it or is going away. r0 to r5 are lost.
 *
 * @param end a label of the program's own
 */
export function pidNumber(
  kernel: BasicLayout,
  destination: Register,
  thread: Register,
  level: number,
  end: string,
): Statement[] {
  const { numbers } = kernel.pid;
  const { number, bytes } = kernel.pidNumber;
  const atLevel = { ...number, offset: numbers.offset + level * bytes + number.offset };
  return [
    store('fp', slot, 0),
    load('r1', thread, kernel.task.threadPid),
    jumpIf('r1', '==', 0, end),
    load('r2', 'r1', kernel.pid.level),
    jumpIf('r2', '<', level, end),
    ...(isDeclared(numbers, atLevel) ? [load('r1', 'r1', atLevel), store('fp', slot, 'r1')] : copy(atLevel)),
    label(end),
    load(destination, 'fp', slot),
  ];
}

/**
 * Whether the verifier lets a program load it: where `numbers` is declared with a length, which is that of the initial
 * namespace (before Linux 6.5), only as far as that; where it is declared without one, any.
 */
function isDeclared(numbers: Field, atLevel: Field): boolean {
  return numbers.bytes === 0 || atLevel.offset + atLevel.bytes <= numbers.offset + numbers.bytes;
}

function copy(atLevel: Field): Statement[] {
  return [
    move('r3', 'r1'),
    add('r3', atLevel.offset),
    move('r1', 'fp'),
    add('r1', slot.offset),
    move('r2', slot.bytes),
    callHelper(helpers.probeReadKernel),
  ];
}
