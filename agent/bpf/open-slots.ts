/**
 * Which slots of an fd table are looked at: those in use, some side by side at a time, and no others. A table is as large
 * as its process, or the one that it was forked from, ever needed it: most of it is empty.
 *
 *     struct fdtable   max_fds     how many slots there are, a multiple of 64
 *                      fd          the slots
 *                      open_fds    one bit for each that is in use, in words of 64
 *
 * A bit is set before its slot is filled and cleared after it was emptied; only dup2() sets it just after it has filled a slot
 * that was empty, as if it had been called a moment later. So no file is passed over that is in the table all the while.
 */
import type { Field } from './btf.ts';
import {
  add,
  and,
  callHelper,
  exit,
  jumpIf,
  label,
  load,
  loadCallback,
  move,
  type Register,
  type Statement,
  shiftLeft,
  shiftRight,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { control, readWord } from './record-program.ts';
import { controlLayout } from './scan-memory.ts';
import { type SlotsPerCall, slotStack } from './stack.ts';

const { fields: counters } = controlLayout;

const wordSlots = 64;
const wordBytes = 8;

/** How many empty words a call passes over: a call takes longer than some of them. */
const wordsPerCall = 4;

/** Notes the table of a process, whose address is in `table`. r2 is lost. */
export function noteTable({ fdTable }: KernelLayout, table: Register, slots: SlotsPerCall): Statement[] {
  return [
    load('r2', table, fdTable.open),
    store(control, counters.openSlots, 'r2'),
    load('r2', table, fdTable.size),
    shiftRight('r2', Math.log2(slots)),
    store(control, counters.tableGroups, 'r2'),
  ];
}

/**
 * Calls a function for groups of slots of the noted table; nextGroup tells it for which.
 *
 * @param argumentsAt what the function is called with
 */
export function walkGroups(callback: string, argumentsAt: Field): Statement[] {
  return [
    load('r1', control, counters.openSlots),
    store(control, counters.openWord, 'r1'),
    store(control, counters.openBits, 0),
    store(control, counters.group, 0),
    load('r1', control, counters.tableGroups),
    loadCallback('r2', callback),
    move('r3', 'fp'),
    add('r3', argumentsAt.offset),
    move('r4', 0),
    callHelper(helpers.loop),
  ];
}

/**
 * slotStack.firstFd = the first slot of the next group in which one is in use. Where there is no further one, or none was
 * found yet, this call of the function is over. r1 to r5 are lost.
 */
export function nextGroup(kernel: KernelLayout, slots: SlotsPerCall, name: string): Statement[] {
  const groupsOfWord = wordSlots / slots;
  const [found, ends] = [`${name}-finds-group`, `${name}-has-no-more`];
  return [
    load('r1', control, counters.openBits),
    jumpIf('r1', '!=', 0, found),
    load('r2', control, counters.group),
    add('r2', groupsOfWord - 1),
    and('r2', -groupsOfWord),
    store(control, counters.group, 'r2'),
    ...Array.from({ length: wordsPerCall }, () => nextWord(kernel, groupsOfWord, found, ends)).flat(),
    move('r0', 0),
    exit(),
    label(ends),
    move('r0', 1),
    exit(),
    label(found),
    load('r2', control, counters.group),
    ...toLowestGroup(slots, name),
    shiftRight('r1', slots),
    store(control, counters.openBits, 'r1'),
    move('r1', 'r2'),
    add('r1', 1),
    store(control, counters.group, 'r1'),
    shiftLeft('r2', Math.log2(slots)),
    store('fp', slotStack.firstFd, 'r2'),
  ];
}

/** r1 = the next word, at whose first slot `group` is; on to `found` where one of its slots is in use. */
function nextWord(kernel: KernelLayout, groupsOfWord: number, found: string, ends: string): Statement[] {
  return [
    load('r2', control, counters.group),
    load('r3', control, counters.tableGroups),
    add('r2', groupsOfWord),
    jumpIf('r2', '>', 'r3', ends),
    load('r1', control, counters.openWord),
    move('r2', 'r1'),
    add('r2', wordBytes),
    store(control, counters.openWord, 'r2'),
    ...readWord(kernel),
    jumpIf('r1', '!=', 0, found),
    load('r2', control, counters.group),
    add('r2', groupsOfWord),
    store(control, counters.group, 'r2'),
  ];
}

/** Shifts r1, which is not 0, until the lowest bits are those of a group with one in use; r2 counts the groups. */
function toLowestGroup(slots: SlotsPerCall, name: string): Statement[] {
  const statements: Statement[] = [];
  for (let bits = wordSlots / 2; bits >= slots; bits /= 2) {
    const isThere = `${name}-has-low-${bits}`;
    statements.push(
      move('r3', 'r1'),
      shiftLeft('r3', wordSlots - bits),
      jumpIf('r3', '!=', 0, isThere),
      shiftRight('r1', bits),
      add('r2', bits / slots),
      label(isThere),
    );
  }
  return statements;
}
