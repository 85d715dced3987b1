/**
 * Records of the eBPF scan to sockets with their owners: several records of one inode are one socket, but for the subflows
 * of MPTCP, which are sockets of their own with one inode.
 *
 *     process   the bytes of its records are those of the last scan, as nearly always: nothing else is looked at
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
import { type Holder, noSlot, SocketSlots } from './socket-slots.ts';

/** A process that holds sockets. */
interface SeenHolder extends Holder {
  task: SeenTask;
  /** Its index among the tasks of the scan that showed it last, and the number of that scan. */
  index: number;
  scan: number;
  malformed: number;
}

/** How many records are compared, or sockets settled, between two rests. */
const stepsPerRest = 500;

const recordBytes = recordWords * 4;

const nothing = Buffer.alloc(0);

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
  /** Of this scan, and of the last one, copied: the maps are written anew in each. */
  #records: Buffer = nothing;
  #words: Uint32Array = new Uint32Array(0);
  #recordsBefore: Buffer = nothing;
  #wordsBefore: Uint32Array = new Uint32Array(0);
  #tasksBefore = new TaskTable(nothing);
  /** In the order of the tasks. */
  #holders: SeenHolder[] = [];
  /** As handed out at the end of the last scan. */
  #sockets: readonly OwnedSocket[] = [];
  #fresh: SocketRow[] = [];
  #released: OwnedSocket[] = [];
  /** Whether tasks and records are, and stand, where they did, as far as this scan has come. */
  #isAsBefore = true;

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

  /** Those of the last scan whose row is not that of the scan before: new ones, and changed ones. */
  get fresh(): readonly SocketRow[] {
    return this.#fresh;
  }

  /** Those that the scan before showed, and the last one did not. */
  get released(): readonly OwnedSocket[] {
    return this.#released;
  }

  /**
   * Takes a scan in, with rests in between in which the caller may do something else.
   *
   * @returns the sockets of this scan; the same array as before when nothing at all changed
   */
  *read(found: FoundSockets): Generator<void, readonly OwnedSocket[]> {
    if (!this.#isWhole) this.#forgetEverything();
    this.#isWhole = false;
    this.#scan++;
    this.#records = found.records;
    this.#words = wordsOf(found.records);
    this.#fresh = [];
    this.#released = [];
    this.#isAsBefore = true;
    const before = this.#holders;
    this.#holders = yield* this.#readHolders(new TaskTable(found.tasks), before);
    yield* this.#giveUp(before.filter(({ scan }) => scan !== this.#scan));
    if (yield* this.#settle()) yield* this.#list();
    this.#noteMalformed();
    if (!this.#isAsBefore) this.#keep(found);
    this.#isWhole = true;
    return this.#sockets;
  }

  *#readHolders(tasks: TaskTable, before: readonly SeenHolder[]): Generator<void, SeenHolder[]> {
    const holders: SeenHolder[] = [];
    const records = this.#records.length / recordBytes;
    let expected = 0;
    for (let index = 0; index < tasks.length; index++) {
      const first = tasks.firstRecord(index);
      const end = index + 1 < tasks.length ? tasks.firstRecord(index + 1) : records;
      if (first === end) continue;
      const known = this.#knownHolder(tasks, index, before, expected);
      if (known !== null) expected = before.indexOf(known, expected) + 1;
      holders.push(yield* this.#readHolder(tasks, index, known, end - first));
      yield;
    }
    return holders;
  }

  /** The one that held sockets in the last scan, nearly always the one after the one that was found last. */
  #knownHolder(
    tasks: TaskTable,
    index: number,
    before: readonly SeenHolder[],
    expected: number,
  ): SeenHolder | null {
    for (let i = expected; i < before.length; i++) {
      const holder = before[i]!;
      if (tasks.isSameThread(index, this.#tasksBefore, holder.index)) return holder;
      // In ascending order of pid, but for those whose first thread has exited.
      if (holder.task.pid > tasks.pid(index)) return null;
    }
    return null;
  }

  *#readHolder(
    tasks: TaskTable,
    index: number,
    known: SeenHolder | null,
    count: number,
  ): Generator<void, SeenHolder> {
    const first = tasks.firstRecord(index);
    const isSameTask = known !== null && tasks.isSame(index, this.#tasksBefore, known.index);
    if (!isSameTask) this.#isAsBefore = false;
    const task = isSameTask ? known.task : tasks.task(index);
    const process = this.#processOf(task);
    const holder = known ?? { process, task, index, first, slots: noSlots, scan: 0, malformed: 0 };
    if (holder.process !== process)
      for (const slot of holder.slots) if (slot !== noSlot) this.#slots.touch(slot);
    const from = holder.first;
    const isSameRecords = holder.slots.length === count && this.#isSameRecords(from, first, count);
    // The place among the tasks is one in the table that is kept: others that come and go shift it.
    if (from !== first || holder.index !== index || !isSameRecords) this.#isAsBefore = false;
    Object.assign(holder, { process, task, index, first, scan: this.#scan });
    if (!isSameRecords) yield* this.#compare(holder, from, count);
    return holder;
  }

  /** @param from and @param first indexes of the first of them in the last scan and in this one */
  #isSameRecords(from: number, first: number, count: number): boolean {
    const [start, startBefore, bytes] = [first * recordBytes, from * recordBytes, count * recordBytes];
    const before = this.#recordsBefore;
    return this.#records.compare(before, startBefore, startBefore + bytes, start, start + bytes) === 0;
  }

  /** Fd by fd: what is not there any more is given up, what is new is claimed. @param from as in isSameRecords */
  *#compare(holder: SeenHolder, from: number, count: number): Generator<void, void> {
    const before = holder.slots;
    const slots = new Int32Array(count);
    holder.slots = slots;
    let [i, j] = [0, 0];
    for (let steps = 1; i < before.length || j < count; steps++) {
      if (steps % stepsPerRest === 0) yield;
      const [atBefore, at] = [(from + i) * recordWords, (holder.first + j) * recordWords];
      const fdBefore =
        i < before.length ? this.#wordsBefore[atBefore + wordOf.fd]! : Number.POSITIVE_INFINITY;
      const fd = j < count ? this.#words[at + wordOf.fd]! : Number.POSITIVE_INFINITY;
      if (fd === fdBefore && this.#isSameRecord(atBefore, at)) {
        slots[j++] = before[i++]!;
        continue;
      }
      if (fdBefore <= fd) this.#unclaim(before[i++]!, holder, fdBefore);
      if (fd <= fdBefore) slots[j++] = this.#claim(at, holder, fd);
    }
    holder.malformed = slots.reduce((sum, slot) => (slot === noSlot ? sum + 1 : sum), 0);
  }

  #isSameRecord(atBefore: number, at: number): boolean {
    const [now, before] = [this.#words, this.#wordsBefore];
    for (let i = 0; i < recordWords; i++) if (now[at + i] !== before[atBefore + i]) return false;
    return true;
  }

  #unclaim(slot: number, holder: SeenHolder, fd: number): void {
    if (slot !== noSlot) this.#slots.unclaim(slot, holder, fd);
  }

  /** @returns the slot of the record's socket, or noSlot */
  #claim(at: number, holder: SeenHolder, fd: number): number {
    const row = this.#reader.row(this.#words, at);
    if (row === null) return noSlot;
    const key = keyOf(row.inode, this.#words[at + wordOf.kind]! >>> 24);
    const slot = this.#slots.of(key) ?? this.#slots.add(key, row);
    this.#slots.claim(slot, holder, fd);
    return slot;
  }

  *#giveUp(holders: readonly SeenHolder[]): Generator<void, void> {
    if (holders.length > 0) this.#isAsBefore = false;
    for (const holder of holders) yield* this.#compare(holder, holder.first, 0);
  }

  /** @returns whether anything came of it */
  *#settle(): Generator<void, boolean> {
    const rowOf = (record: number): SocketRow => this.#reader.row(this.#words, record * recordWords)!;
    const fdOf = (record: number): number => this.#words[record * recordWords + wordOf.fd]!;
    const { touched } = this.#slots;
    this.#slots.touched = [];
    let isAnyChanged = false;
    for (const [i, slot] of touched.entries()) {
      if (i % stepsPerRest === 0) yield;
      const { isChanged, fresh, released } = this.#slots.settle(slot, rowOf, fdOf);
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
    this.malformedTotal = 0;
    this.malformed = [];
    for (const holder of this.#holders) {
      if (holder.malformed === 0) continue;
      this.malformedTotal += holder.malformed;
      for (const [i, slot] of holder.slots.entries()) {
        if (slot === noSlot && this.malformed.length < malformedRowsMax) this.#reject(holder.first + i);
      }
    }
  }

  #reject(record: number): void {
    const text = this.#words[record * recordWords + wordOf.kind]!.toString(16);
    this.malformed.push({ file: 'eBPF scan', line: record + 1, column: 'state', text });
  }

  #keep({ records, tasks }: FoundSockets): void {
    if (records.length > this.#recordsBefore.length) {
      this.#recordsBefore = Buffer.from(new ArrayBuffer(records.length * 2));
      this.#wordsBefore = wordsOf(this.#recordsBefore);
    }
    records.copy(this.#recordsBefore);
    this.#tasksBefore = new TaskTable(Buffer.concat([tasks]));
  }

  #forgetEverything(): void {
    this.#slots = new SocketSlots();
    this.#holders = [];
    this.#sockets = [];
  }
}

const noSlots = new Int32Array(0);

function wordsOf({ buffer, byteOffset, length }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}

function keyOf(inode: number, subflow: number): number {
  return inode + subflow * 2 ** 32;
}
