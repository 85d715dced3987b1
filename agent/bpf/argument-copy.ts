/**
 * The part of the program for details that copies the arguments out of the process's memory, as /proc/PID/cmdline does
 * (fs/proc/base.c): where their last byte is not NUL, a title was written over them, and goes on in the environment.
 *
 * A process can put its arguments where it likes, also into a file of a file system that never answers. The kernel's own
 * /proc/PID/cmdline reads memory alone for that reason (CVE-2018-1120), and so does this.
 */
import { constants } from 'node:os';
import type { DetailKernel } from './detail-kernel.ts';
import { detailLayout } from './detail-memory.ts';
import { entry, stack, thread } from './detail-stack.ts';
import {
  add,
  callHelper,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadCallback,
  move,
  type Statement,
  store,
  subtract,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { stackSlot } from './stack.ts';

export const plainAreaCallback = 'plain_area';

const { fields } = detailLayout;
const argsMax = fields.args.bytes;

/** Goes on behind itself, whatever it finds. */
export function readArguments(details: DetailKernel): Statement[] {
  const { memoryOfTask, memory } = details;
  return [
    load('r1', thread, memoryOfTask),
    jumpIf('r1', '==', 0, 'no-args'),
    load('r3', 'r1', memory.argsStart),
    load('r2', 'r1', memory.argsEnd),
    subtract('r2', 'r3'),
    jumpIf('r2', '==', 0, 'no-args'),
    // An end before the start, or gigabytes of arguments.
    jumpIf('r2', '>', 0x7fffffff, 'no-args'),
    store(entry, fields.argsBytes, 'r2'),
    ...copyFromStart(details, 'args'),
    load('r2', 'fp', stack.copied),
    load('r1', entry, fields.argsBytes),
    jumpIf('r1', '!=', 'r2', 'no-title'),
    ...lastByteOfArguments(),
    jumpIf('r1', '==', 0, 'no-title'),
    load('r1', thread, memoryOfTask),
    jumpIf('r1', '==', 0, 'no-args'),
    load('r3', 'r1', memory.environmentStart),
    load('r2', 'r1', memory.argsEnd),
    jumpIf('r2', '!=', 'r3', 'no-title'),
    load('r2', 'r1', memory.environmentEnd),
    load('r3', 'r1', memory.argsStart),
    jumpIf('r2', '<', 'r3', 'no-title'),
    subtract('r2', 'r3'),
    ...copyFromStart(details, 'title'),
    label('no-title'),
    load('r1', 'fp', stack.copied),
    store(entry, fields.argsRead, 'r1'),
    label('no-args'),
  ];
}

/**
 * Copies r2 bytes, or as many as there is room for and the memory has in one piece. Goes on at `no-args` in vain: nobody
 * waits for a process that is changing its memory (bpf_find_vma takes its lock only where it is free).
 */
function copyFromStart({ memoryOfTask, memory }: DetailKernel, name: string): Statement[] {
  const [fits, wasFound, isPlain] = [`${name}-fit`, `${name}-found`, `${name}-in-one-piece`];
  return [
    jumpIf('r2', '<', argsMax, fits),
    move('r2', argsMax),
    label(fits),
    store('fp', stack.copied, 'r2'),
    store('fp', stack.areaEnd, 0),
    load('r1', thread, memoryOfTask),
    jumpIf('r1', '==', 0, 'no-args'),
    load('r2', 'r1', memory.argsStart),
    load('r1', 'fp', stack.task),
    loadCallback('r3', plainAreaCallback),
    move('r4', 'fp'),
    add('r4', stack.areaEnd.offset),
    move('r5', 0),
    callHelper(helpers.findMemoryArea),
    jumpIf('r0', '!=', -constants.errno.EBUSY, wasFound),
    store(entry, fields.isBusy, 1),
    jump('no-args'),
    label(wasFound),
    load('r1', thread, memoryOfTask),
    jumpIf('r1', '==', 0, 'no-args'),
    load('r3', 'r1', memory.argsStart),
    load('r1', 'fp', stack.areaEnd),
    jumpIf('r1', '<', 'r3', 'no-args'),
    subtract('r1', 'r3'),
    load('r2', 'fp', stack.copied),
    jumpIf('r2', '<', 'r1', isPlain),
    move('r2', 'r1'),
    store('fp', stack.copied, 'r2'),
    label(isPlain),
    jumpIf('r2', '==', 0, 'no-args'),
    jumpIf('r2', '>', argsMax, 'no-args'),
    move('r1', entry),
    add('r1', fields.args.offset),
    load('r4', 'fp', stack.task),
    move('r5', 0),
    callHelper(helpers.copyFromTask),
    jumpIf('r0', '!=', 0, 'no-args'),
  ];
}

/** r1 = the byte before the end of those in r2. */
function lastByteOfArguments(): Statement[] {
  const byte = stackSlot('args[-1]', fields.args.offset - 1, 1);
  return [
    jumpIf('r2', '==', 0, 'no-title'),
    jumpIf('r2', '>', argsMax, 'no-title'),
    move('r1', entry),
    add('r1', 'r2'),
    load('r1', 'r1', byte),
  ];
}

/** Called with the task, its struct vm_area_struct at the address, and where to note the area's end. */
export function plainArea({ area }: DetailKernel): Statement[] {
  return [
    label(plainAreaCallback),
    load('r1', 'r2', area.file),
    jumpIf('r1', '!=', 0, 'not-plain'),
    load('r1', 'r2', area.end),
    store('r3', stackSlot('areaEnd', 0, 8), 'r1'),
    label('not-plain'),
    move('r0', 0),
    exit(),
  ];
}
