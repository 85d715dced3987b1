/**
 * Records of the eBPF scan to sockets with their owners: several records of one inode are one socket, but for the subflows
 * of MPTCP, which are sockets of their own with one inode.
 *
 * What was made of a record is kept until the next scan. Where that shows the same bytes for the same process, which is
 * nearly everywhere, only numbers are touched. Records keep their order, but fewer or more before them shift them: the
 * first one that does not stand where it is expected is found by its inode, and tells where those behind it stood.
 * Nothing is made anew that is equal, so whoever compares scans sees the same objects.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket, SocketRow } from '../../model/socket.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { subflowsMax } from '../bpf/subflow-program.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';
import { type Claim, copied, SocketSlots } from './socket-slots.ts';

/** Stands for a record that was malformed. */
const noSlot = -1;

const noOwners: readonly Owner[] = [];

export class HeldSockets {
  /** The first malformedRowsMax of this scan's records whose state has no word. */
  malformed: MalformedRow[] = [];
  malformedTotal = 0;
  readonly #processOf: (task: SeenTask) => Process;
  readonly #reader = new RecordReader();
  readonly #slots = new SocketSlots();
  #scan = 0;
  #tasks = new TaskTable(Buffer.alloc(0));
  #words: Uint32Array = new Uint32Array(0);
  /** The records of the last scan, copied: the maps are written anew in this one. */
  #wordsBefore: Uint32Array = new Uint32Array(0);
  #recordsBefore = 0;
  /** By index of the record: its slot, and which of its claims it is; in this scan and in the last. */
  #slotOf = new Int32Array(0);
  #claimOf = new Uint32Array(0);
  #slotBefore = new Int32Array(0);
  #claimBefore = new Uint32Array(0);
  /** How many records further on than in this scan the last one had what comes next. */
  #shift = 0;
  #fresh: SocketRow[] = [];
  /** Slots that this scan has shown, in their order. */
  #shown = new Uint32Array(0);
  #shownCount = 0;
  /** As handed out at the end of the last scan. */
  #sockets: readonly OwnedSocket[] = [];
  /** Whether all of #shown, and its order, is what it was then, as far as this scan has come. */
  #isAsBefore = true;
  /** Next to be read, and next of #shown to be settled. */
  #record = 0;
  #settled = 0;
  /** The one that holds it, and the index after its last record. */
  #task = 0;
  #taskEnd = 0;
  #process: Process | null = null;
  /** Whether the process is the object that it was in the last scan; null = to be found out. */
  #isSameProcess: boolean | null = null;

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

  begin({ records, tasks }: FoundSockets): void {
    this.#scan++;
    this.#tasks = new TaskTable(tasks);
    this.#words = new Uint32Array(records.buffer, records.byteOffset, records.length / 4);
    const count = this.#words.length / recordWords;
    if (count > this.#slotOf.length) this.#makeRoom(count * 2);
    [this.#slotOf, this.#slotBefore] = [this.#slotBefore, this.#slotOf];
    [this.#claimOf, this.#claimBefore] = [this.#claimBefore, this.#claimOf];
    this.#fresh = [];
    this.#shownCount = 0;
    this.#isAsBefore = true;
    this.#record = 0;
    this.#settled = 0;
    this.#shift = 0;
    this.#task = 0;
    this.#process = null;
    this.malformed = [];
    this.malformedTotal = 0;
  }

  /** Takes `count` further steps, one per record and one per socket. True while there are more. */
  advance(count: number): boolean {
    const records = this.#words.length / recordWords;
    const end = Math.min(records, this.#record + count);
    const steps = end - this.#record;
    for (; this.#record < end; this.#record++) this.#readRecord(this.#record);
    return this.#record < records || this.#settle(count - steps);
  }

  /** The sockets of this scan, when all steps were taken; the same array as before when nothing at all changed. */
  end(): readonly OwnedSocket[] {
    const slots = this.#slots;
    if (slots.size > this.#shownCount) slots.expire(this.#scan);
    this.#wordsBefore.set(this.#words);
    this.#recordsBefore = this.#words.length / recordWords;
    const isSame = this.#isAsBefore && this.#shownCount === this.#sockets.length && this.#fresh.length === 0;
    if (isSame) return this.#sockets;
    const shown = this.#shown.subarray(0, this.#shownCount);
    this.#sockets = Array.from(shown, (slot) => slots.sockets[slot]!);
    return this.#sockets;
  }

  /** Gives up to `count` further sockets the owners that they have now. True while there are more. */
  #settle(count: number): boolean {
    const slots = this.#slots;
    const end = Math.min(this.#shownCount, this.#settled + count);
    for (; this.#settled < end; this.#settled++) {
      const slot = this.#shown[this.#settled]!;
      if (slots.isChanged[slot] === 0 && slots.claimed[slot] === slots.claimCount[slot]) continue;
      this.#renew(slot);
      this.#isAsBefore = false;
    }
    return this.#settled < this.#shownCount;
  }

  #readRecord(record: number): void {
    const slots = this.#slots;
    const at = record * recordWords;
    const before = this.#recordBefore(record, at);
    const slot = this.#slotOfRecord(at, before);
    this.#slotOf[record] = slot;
    if (slot === noSlot) return;
    if (slots.shownIn[slot] !== this.#scan) this.#show(slot, at);
    const number = slots.claimed[slot]!;
    this.#claimOf[record] = number;
    const process = this.#holder(record);
    if (before >= 0 && number === this.#claimBefore[before] && slots.isChanged[slot] === 0) {
      this.#isSameProcess ??= slots.claims[slot]![number]!.process === process;
      if (this.#isSameProcess) {
        slots.claimed[slot] = number + 1;
        return;
      }
    }
    slots.claim(slot, process, this.#words[at + wordOf.fd]!);
  }

  /** @param before index of the same record in the last scan, or -1 */
  #slotOfRecord(at: number, before: number): number {
    if (before < 0) return this.#find(at);
    const slots = this.#slots;
    const slot = this.#slotBefore[before]!;
    // The row was made of the first record of its inode, and another one may have shown it in another state.
    const isFirst = slots.shownIn[slot] !== this.#scan;
    return isFirst && slots.at[slot] !== before * recordWords ? this.#find(at) : slot;
  }

  /** Index of the same record in the last scan, where it stood where it is expected; else -1. */
  #recordBefore(record: number, at: number): number {
    const before = record + this.#shift;
    if (before < 0 || before >= this.#recordsBefore || this.#slotBefore[before] === noSlot) return -1;
    const [wordsNow, wordsBefore] = [this.#words, this.#wordsBefore];
    const atBefore = before * recordWords;
    for (let i = 0; i < recordWords; i++) if (wordsNow[at + i] !== wordsBefore[atBefore + i]) return -1;
    return before;
  }

  #show(slot: number, at: number): void {
    this.#slots.shownIn[slot] = this.#scan;
    this.#slots.claimed[slot] = 0;
    this.#slots.at[slot] = at;
    if (this.#shown[this.#shownCount] !== slot) this.#isAsBefore = false;
    this.#shown[this.#shownCount++] = slot;
  }

  /** The process that holds the record, which is the next one. */
  #holder(record: number): Process {
    if (this.#process === null || record >= this.#taskEnd) {
      const last = this.#tasks.length - 1;
      while (this.#task < last && this.#tasks.firstRecord(this.#task + 1) <= record) this.#task++;
      const isLast = this.#task === last;
      this.#taskEnd = isLast ? Number.POSITIVE_INFINITY : this.#tasks.firstRecord(this.#task + 1);
      this.#process = this.#processOf(this.#tasks.task(this.#task));
      this.#isSameProcess = null;
    }
    return this.#process;
  }

  /** By its inode, for a record that is new or stands elsewhere; noSlot for a malformed one. */
  #find(at: number): number {
    const slots = this.#slots;
    const key = keyOf(this.#words[at + wordOf.inode]!, this.#words[at + wordOf.kind]! >>> 24);
    const known = slots.of(key);
    if (known !== undefined && slots.shownIn[known] === this.#scan) return known;
    if (known !== undefined) this.#shift = (slots.at[known]! - at) / recordWords;
    if (known !== undefined && this.#isRowAsBefore(known, at)) return known;
    const row = this.#reader.row(this.#words, at);
    if (row === null) return this.#reject(at);
    const socket = { ...row, owners: known === undefined ? noOwners : slots.sockets[known]!.owners };
    this.#fresh.push(row);
    if (known === undefined) return slots.add(key, socket);
    slots.sockets[known] = socket;
    return known;
  }

  /** Everything but who holds it. */
  #isRowAsBefore(slot: number, at: number): boolean {
    const [now, before] = [this.#words, this.#wordsBefore];
    const atBefore = this.#slots.at[slot]!;
    for (let i = wordOf.ports; i < recordWords; i++) {
      if (now[at + i] !== before[atBefore + i] && i !== wordOf.startLow) return false;
    }
    return true;
  }

  #renew(slot: number): void {
    const slots = this.#slots;
    const claims = slots.claims[slot]!;
    claims.length = slots.claimed[slot]!;
    slots.claimCount[slot] = claims.length;
    slots.isChanged[slot] = 0;
    slots.sockets[slot] = { ...slots.sockets[slot]!, owners: ownersOf(claims) };
  }

  #reject(at: number): typeof noSlot {
    this.malformedTotal++;
    if (this.malformed.length < malformedRowsMax) {
      const text = this.#words[at + wordOf.kind]!.toString(16);
      this.malformed.push({ file: 'eBPF scan', line: this.#record + 1, column: 'state', text });
    }
    return noSlot;
  }

  #makeRoom(records: number): void {
    this.#slotOf = copied(this.#slotOf, new Int32Array(records));
    this.#claimOf = copied(this.#claimOf, new Uint32Array(records));
    this.#slotBefore = new Int32Array(records);
    this.#claimBefore = new Uint32Array(records);
    this.#wordsBefore = copied(this.#wordsBefore, new Uint32Array(records * recordWords));
    this.#shown = copied(this.#shown, new Uint32Array(records));
  }
}

/** An inode has 32 bits: both together are exact. */
function keyOf(inode: number, subflow: number): number {
  return inode + subflow * 2 ** 32;
}

/** By pid and fd, each once: threads with files of their own may show a process again. */
function ownersOf(claims: readonly Claim[]): Owner[] {
  const [first, ...others] = claims;
  if (first !== undefined && others.length === 0) return [{ process: first.process, fds: [first.fd] }];
  const fdsOf = new Map<Process, Set<number>>();
  for (const { process, fd } of claims) {
    const fds = fdsOf.get(process);
    if (fds === undefined) fdsOf.set(process, new Set([fd]));
    else fds.add(fd);
  }
  return [...fdsOf]
    .map(([process, fds]) => ({ process, fds: [...fds].toSorted((a, b) => a - b) }))
    .toSorted((a, b) => a.process.pid - b.process.pid);
}
