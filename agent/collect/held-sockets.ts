/**
 * Records of the eBPF scan to sockets with their owners: several records of one inode are one socket.
 *
 * What was made of a record is kept until the next scan. Where that shows the same bytes for the same process, which is
 * nearly everywhere, nothing is made anew, and whoever compares scans sees the same objects.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { FoundSockets } from '../bpf/loaded-scan.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';

/** One fd of one process. */
interface Claim {
  readonly process: Process;
  readonly fd: number;
}

/** One socket, from scan to scan. */
interface Held {
  socket: OwnedSocket;
  /** Index of the first word of its record in the scan that showed it last. */
  at: number;
  shownIn: number;
  /** As the records show them, one after the other. */
  readonly claims: Claim[];
  /** How many of the claims this scan has shown again. */
  claimed: number;
  isChanged: boolean;
}

const noOwners: readonly Owner[] = [];

export class HeldSockets {
  /** The first malformedRowsMax of this scan's records whose state has no word. */
  malformed: MalformedRow[] = [];
  malformedTotal = 0;
  readonly #processOf: (task: SeenTask) => Process;
  readonly #reader = new RecordReader();
  readonly #byInode = new Map<number, Held>();
  #scan = 0;
  #tasks = new TaskTable(Buffer.alloc(0));
  #words: Uint32Array = new Uint32Array(0);
  /** The records of the last scan, copied: the maps are written anew in this one. */
  #wordsBefore: Uint32Array = new Uint32Array(0);
  /** By index of the record, as far as this scan was read, and as the last one left it. */
  #inOrder: (Held | null)[] = [];
  #inOrderBefore: (Held | null)[] = [];
  /** Each socket of this scan once. */
  #shown: Held[] = [];
  /** Next to be read. */
  #record = 0;
  /** The one that holds it, and the index after its last record. */
  #task = 0;
  #taskEnd = 0;
  #process: Process | null = null;

  /** @param processOf is asked once for each process that holds sockets, in the order of the tasks */
  constructor(processOf: (task: SeenTask) => Process) {
    this.#processOf = processOf;
  }

  /** Whether the last scan showed a socket of that inode. */
  holds(inode: number): boolean {
    return this.#byInode.has(inode);
  }

  begin({ records, tasks }: FoundSockets): void {
    this.#scan++;
    this.#tasks = new TaskTable(tasks);
    this.#words = new Uint32Array(records.buffer, records.byteOffset, records.length / 4);
    this.#inOrder = [];
    this.#shown = [];
    this.#record = 0;
    this.#task = 0;
    this.#process = null;
    this.malformed = [];
    this.malformedTotal = 0;
  }

  /** Reads up to `count` further records. True while there are more. */
  readRecords(count: number): boolean {
    const records = this.#words.length / recordWords;
    const end = Math.min(records, this.#record + count);
    for (; this.#record < end; this.#record++) this.#readRecord(this.#record * recordWords);
    return this.#record < records;
  }

  /** The sockets of this scan, when all records were read. */
  end(): OwnedSocket[] {
    if (this.#byInode.size > this.#shown.length) this.#expire();
    this.#wordsBefore = this.#words.slice();
    this.#inOrderBefore = this.#inOrder;
    return this.#shown.map(finished);
  }

  #readRecord(at: number): void {
    const held = this.#find(at);
    this.#inOrder.push(held);
    if (held !== null) claim(held, this.#holder(), this.#words[at + wordOf.fd]!);
  }

  /** The process of the current record. */
  #holder(): Process {
    if (this.#process === null || this.#record >= this.#taskEnd) {
      const last = this.#tasks.length - 1;
      while (this.#task < last && this.#tasks.firstRecord(this.#task + 1) <= this.#record) this.#task++;
      const isLast = this.#task === last;
      this.#taskEnd = isLast ? Number.POSITIVE_INFINITY : this.#tasks.firstRecord(this.#task + 1);
      this.#process = this.#processOf(this.#tasks.task(this.#task));
    }
    return this.#process;
  }

  /** Null for a malformed record. */
  #find(at: number): Held | null {
    const inode = this.#words[at + wordOf.inode]!;
    const inPlace = this.#inOrderBefore[this.#record];
    const known = inPlace?.socket.inode === inode ? inPlace : this.#byInode.get(inode);
    if (known?.shownIn === this.#scan) return known;
    const held = known !== undefined && this.#isAsBefore(known, at) ? known : this.#make(at, known);
    if (held === null) return null;
    held.at = at;
    held.shownIn = this.#scan;
    held.claimed = 0;
    this.#shown.push(held);
    return held;
  }

  /** Everything but who holds it. */
  #isAsBefore(held: Held, at: number): boolean {
    const [now, before] = [this.#words, this.#wordsBefore];
    for (let i = wordOf.ports; i < recordWords; i++) {
      if (now[at + i] !== before[held.at + i] && i !== wordOf.startLow) return false;
    }
    return true;
  }

  /** @param before the same inode in the last scan; who holds it need not have changed with it */
  #make(at: number, before: Held | undefined): Held | null {
    const row = this.#reader.row(this.#words, at);
    if (row === null) return this.#reject(at);
    const socket = { ...row, owners: before?.socket.owners ?? noOwners };
    const claims = before?.claims ?? [];
    const held = { socket, at, shownIn: 0, claims, claimed: 0, isChanged: false };
    this.#byInode.set(row.inode, held);
    return held;
  }

  #reject(at: number): null {
    this.malformedTotal++;
    if (this.malformed.length < malformedRowsMax) {
      const text = this.#words[at + wordOf.kind]!.toString(16);
      this.malformed.push({ file: 'eBPF scan', line: this.#record + 1, column: 'state', text });
    }
    return null;
  }

  #expire(): void {
    for (const [inode, { shownIn }] of this.#byInode) {
      if (shownIn !== this.#scan) this.#byInode.delete(inode);
    }
  }
}

function claim(held: Held, process: Process, fd: number): void {
  const known = held.claims[held.claimed];
  if (known?.process !== process || known.fd !== fd) {
    held.claims.length = held.claimed;
    held.claims.push({ process, fd });
    held.isChanged = true;
  }
  held.claimed++;
}

function finished(held: Held): OwnedSocket {
  if (held.claims.length > held.claimed) {
    held.claims.length = held.claimed;
    held.isChanged = true;
  }
  if (held.isChanged) held.socket = { ...held.socket, owners: ownersOf(held.claims) };
  held.isChanged = false;
  return held.socket;
}

/** By pid and fd, each once: threads with files of their own may show a process again. */
function ownersOf(claims: readonly Claim[]): Owner[] {
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
