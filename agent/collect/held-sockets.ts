/**
 * Records of the eBPF scan to sockets with their owners: several records of one inode are one socket, but for the subflows
 * of MPTCP, which are sockets of their own with one inode.
 *
 *     tasks     the same as in the last scan, down to the last byte, as nearly always: only who was not recognised is looked at
 *     process   the scan recognised it, or the bytes of its records are those it had: nothing is looked at
 *     record    in a process that changed, records are compared fd by fd: what differs is claimed, or given up
 *     socket    one that is claimed or given up gets the row and the owners that it has now
 *
 * Nothing is made anew that is equal, so whoever compares scans sees the same objects.
 */
import type { Process } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { subflowsMax } from '../bpf/subflow-program.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';
import { type Holder, type HolderRecord, noSlot, SocketSlots } from './socket-slots.ts';

/** A process that holds sockets. */
interface SeenHolder extends Holder {
  task: SeenTask;
  /** Number of the scan that showed it last. */
  scan: number;
  malformed: number;
}

/** How many records are compared, or sockets settled, between two rests; and how many processes. */
const stepsPerRest = 64;
const holdersPerRest = 16;

/** How a scan is taken in. */
export interface Reading {
  /** Those of the scan; the very table of the last one where both are equal. Default a copy. */
  readonly tasks?: TaskTable;
  /** Whether a process may be another object by now though its task is as it was. Default true. */
  readonly asksAgain?: boolean;
}

export class HeldSockets {
  /** The first malformedRowsMax of this scan's records whose state has no word. */
  malformed: MalformedRow[] = [];
  malformedTotal = 0;
  readonly #processOf: (task: SeenTask) => Process;
  readonly #reader = new RecordReader();
  #slots = new SocketSlots();
  #scan = 0;
  /** False from the start of a scan until its end: one that was given up leaves halves. */
  #isWhole = true;
  /** Of this scan: they lie in a map that the next one writes anew. */
  #words = noWords;
  /** Of the last scan, copied. */
  #tasksBefore = TaskTable.empty;
  /** In the order of the tasks. */
  #holders: SeenHolder[] = [];
  /** Those whose records the last scan told. */
  #told: SeenHolder[] = [];
  #records = 0;
  /** As handed out at the end of the last scan. */
  #sockets: readonly OwnedSocket[] = [];
  #fresh: SocketRow[] = [];
  #released: OwnedSocket[] = [];

  /** @param processOf is asked once for each process that holds sockets, in the order of the tasks */
  constructor(processOf: (task: SeenTask) => Process) {
    this.#processOf = processOf;
  }

  /** Whether the last scan showed a socket of that inode. */
  holds(inode: number): boolean {
    for (let subflow = 0; subflow < subflowsMax; subflow++) {
      if (this.#slots.of(keyOf(inode, subflow)) !== undefined) return true;
    }
    return false;
  }

  /** The processes that hold the socket of that inode: once for each fd. They show their place in the last scan. */
  holdersOf(inode: number): Iterable<Pick<Holder, 'index'>> {
    const slot = this.#slots.of(keyOf(inode, 0));
    return slot === undefined ? [] : this.#slots.holders(slot);
  }

  /** How many records tell of the sockets of the last scan, new ones and older ones. */
  get records(): number {
    return this.#records;
  }

  /** Those of the last scan whose row is not that of the scan before: new ones, and changed ones. */
  get fresh(): readonly SocketRow[] {
    return this.#fresh;
  }

  /** Those that the scan before showed, and the last one did not. */
  get released(): readonly OwnedSocket[] {
    return this.#released;
  }

  /**
   * Takes a scan in, with rests in between in which the caller may do something else. One of changes alone has to follow
   * the scan that was taken in last.
   *
   * @returns the sockets of this scan; the same array as before when nothing at all changed
   */
  *read(
    found: FoundSockets,
    { tasks = TaskTable.after(TaskTable.empty, found.tasks), asksAgain = true }: Reading = {},
  ): Generator<void, readonly OwnedSocket[]> {
    if (!this.#isWhole) this.#forgetEverything();
    this.#isWhole = false;
    this.#scan++;
    this.#words = wordsOf(found.records);
    this.#fresh = [];
    this.#released = [];
    if (tasks !== this.#tasksBefore || asksAgain) yield* this.#readHolders(tasks);
    else yield* this.#readTold(tasks);
    if (yield* this.#settle()) yield* this.#list();
    this.#noteMalformed();
    this.#tasksBefore = tasks;
    this.#isWhole = true;
    return this.#sockets;
  }

  *#readHolders(tasks: TaskTable): Generator<void, void> {
    const before = this.#holders;
    const holders: SeenHolder[] = [];
    this.#told = [];
    let expected = 0;
    for (let index = 0; index < tasks.length; index++) {
      if (tasks.held(index) === 0) continue;
      const at = this.#placeOf(tasks, index, before, expected);
      if (at !== null) expected = at + 1;
      const holder = this.#holderOf(tasks, index, at === null ? null : before[at]!);
      holders.push(holder);
      if (tasks.before(index) === null) {
        this.#told.push(holder);
        yield* this.#readRecords(tasks, holder);
      }
      if (holders.length % holdersPerRest === 0) yield;
    }
    this.#holders = holders;
    for (const holder of before) if (holder.scan !== this.#scan) yield* this.#compare(holder, noWords);
  }

  /** Every process is where it was, and so are the records of those that have some. */
  *#readTold(tasks: TaskTable): Generator<void, void> {
    for (const holder of this.#told) yield* this.#readRecords(tasks, holder);
  }

  /** Where the one is that held sockets in the last scan, nearly always the one after the one that was found last. */
  #placeOf(tasks: TaskTable, index: number, before: readonly SeenHolder[], expected: number): number | null {
    const recognised = tasks.before(index);
    for (let i = expected; i < before.length; i++) {
      const holder = before[i]!;
      if (recognised !== null) {
        if (holder.index === recognised) return i;
        continue;
      }
      if (tasks.isSameThread(index, this.#tasksBefore, holder.index)) return i;
      // In ascending order of pid, but for those whose first thread has exited.
      if (holder.task.pid > tasks.pid(index)) return null;
    }
    return null;
  }

  #holderOf(tasks: TaskTable, index: number, known: SeenHolder | null): SeenHolder {
    const isSameTask = known !== null && tasks.isSame(index, this.#tasksBefore, known.index);
    const task = isSameTask ? known.task : tasks.task(index);
    if (known === null && tasks.before(index) !== null)
      throw new Error(`the scan recognised process ${task.pid}, which is not known`);
    const process = this.#processOf(task);
    const holder = known ?? { process, task, index, words: noWords, slots: noSlots, scan: 0, malformed: 0 };
    if (holder.process !== process)
      for (const slot of holder.slots) if (slot !== noSlot) this.#slots.touch(slot);
    holder.process = process;
    holder.task = task;
    holder.index = index;
    holder.scan = this.#scan;
    return holder;
  }

  *#readRecords(tasks: TaskTable, holder: SeenHolder): Generator<void, void> {
    const from = tasks.firstRecord(holder.index) * recordWords;
    const words = this.#words.subarray(from, from + tasks.held(holder.index) * recordWords);
    if (isSameWords(words, holder.words)) return;
    yield;
    yield* this.#compare(holder, words.slice());
  }

  /** Fd by fd: what is not there any more is given up, what is new is claimed. */
  *#compare(holder: SeenHolder, words: Uint32Array): Generator<void, void> {
    const { words: wordsBefore, slots: before } = holder;
    const slots = new Int32Array(words.length / recordWords);
    holder.words = words;
    holder.slots = slots;
    let [i, j] = [0, 0];
    for (let steps = 1; i < before.length || j < slots.length; steps++) {
      if (steps % stepsPerRest === 0) yield;
      const [atBefore, at] = [i * recordWords, j * recordWords];
      const fdBefore = wordsBefore[atBefore + wordOf.fd] ?? Number.POSITIVE_INFINITY;
      const fd = words[at + wordOf.fd] ?? Number.POSITIVE_INFINITY;
      if (fd === fdBefore && isSameRecord(wordsBefore, atBefore, words, at)) {
        slots[j++] = before[i++]!;
        continue;
      }
      if (fdBefore <= fd) this.#unclaim(before[i++]!, holder, fdBefore);
      if (fd <= fdBefore) slots[j++] = this.#claim(at, holder, fd);
    }
    this.#records += slots.length - before.length;
    this.malformedTotal -= holder.malformed;
    holder.malformed = slots.reduce((sum, slot) => (slot === noSlot ? sum + 1 : sum), 0);
    this.malformedTotal += holder.malformed;
  }

  #unclaim(slot: number, holder: SeenHolder, fd: number): void {
    if (slot !== noSlot) this.#slots.unclaim(slot, holder, fd);
  }

  /** @returns the slot of the record's socket, or noSlot */
  #claim(at: number, holder: SeenHolder, fd: number): number {
    const row = this.#reader.row(holder.words, at);
    if (row === null) return noSlot;
    const key = keyOf(row.inode, holder.words[at + wordOf.kind]! >>> 24);
    const slot = this.#slots.of(key) ?? this.#slots.add(key, row);
    this.#slots.claim(slot, holder, fd);
    return slot;
  }

  /** @returns whether anything came of it */
  *#settle(): Generator<void, boolean> {
    const rowOf = ({ holder, record }: HolderRecord): SocketRow =>
      this.#reader.row(holder.words, record * recordWords)!;
    const { touched } = this.#slots;
    this.#slots.touched = [];
    let isAnyChanged = false;
    for (const [i, slot] of touched.entries()) {
      if (i % stepsPerRest === 0) yield;
      const { isChanged, fresh, released } = this.#slots.settle(slot, rowOf);
      if (isChanged) isAnyChanged = true;
      if (fresh !== null) this.#fresh.push(fresh);
      if (released !== null) this.#released.push(released);
    }
    return isAnyChanged;
  }

  /** In the order of the records. */
  *#list(): Generator<void, void> {
    const sockets: OwnedSocket[] = [];
    for (const { slots } of this.#holders) {
      for (const slot of slots) if (slot !== noSlot) this.#slots.listInto(sockets, slot, this.#scan);
      yield;
    }
    this.#sockets = sockets;
  }

  #noteMalformed(): void {
    this.malformed = [];
    if (this.malformedTotal === 0) return;
    let first = 0;
    for (const { malformed, slots, words } of this.#holders) {
      if (malformed > 0) {
        for (const [i, slot] of slots.entries()) if (slot === noSlot) this.#reject(first + i, words, i);
      }
      first += slots.length;
    }
  }

  /** @param record its number among those of all processes */
  #reject(record: number, words: Uint32Array, at: number): void {
    if (this.malformed.length >= malformedRowsMax) return;
    const text = words[at * recordWords + wordOf.kind]!.toString(16);
    this.malformed.push({ file: 'eBPF scan', line: record + 1, column: 'state', text });
  }

  #forgetEverything(): void {
    this.#slots = new SocketSlots();
    this.#tasksBefore = TaskTable.empty;
    this.#holders = [];
    this.#sockets = [];
    this.#records = 0;
    this.malformedTotal = 0;
  }
}

const noSlots = new Int32Array(0);
const noWords: Uint32Array = new Uint32Array(0);

function wordsOf({ buffer, byteOffset, length }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}

function isSameWords(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isSameRecord(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  for (let i = 0; i < recordWords; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}

function keyOf(inode: number, subflow: number): number {
  return inode + subflow * 2 ** 32;
}
