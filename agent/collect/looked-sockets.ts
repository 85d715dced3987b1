/**
 * Records of one eBPF scan to sockets with their owners, for whoever looks once: what held-sockets.ts does from scan to
 * scan, without anything that is kept for the next one.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';

/** A socket whose owners are still being found. */
interface Growing extends OwnedSocket {
  owners: readonly Owner[];
}

/** How many records are read between two rests. */
const recordsPerRest = 500;

export class LookedSockets {
  /** In the order of the records, each once. */
  readonly sockets: OwnedSocket[] = [];
  /** The first malformedRowsMax of the records whose state has no word. */
  readonly malformed: MalformedRow[] = [];
  malformedTotal = 0;
  readonly #reader = new RecordReader();
  /** By inode; subflows of MPTCP, which share theirs, by inode and number. */
  readonly #byKey = new Map<number, Growing>();
  /** Inodes of those that have a number. */
  readonly #numbered = new Set<number>();
  readonly #words: Uint32Array;
  readonly #tasks: TaskTable;

  constructor({ records, tasks }: FoundSockets) {
    this.#words = new Uint32Array(records.buffer, records.byteOffset, records.length / 4);
    this.#tasks = new TaskTable(tasks);
  }

  /** Whether a process holds a socket of that inode. */
  holds(inode: number): boolean {
    return this.#byKey.has(inode) || this.#numbered.has(inode);
  }

  /** Does all the work, with rests in between. @param processOf is asked once for each process that holds sockets */
  *read(processOf: (task: SeenTask) => Process): Generator<void, void> {
    const tasks = this.#tasks;
    const records = this.#words.length / recordWords;
    for (let index = 0; index < tasks.length; index++) {
      const end = index + 1 < tasks.length ? tasks.firstRecord(index + 1) : records;
      let record = tasks.firstRecord(index);
      if (record === end) continue;
      const process = processOf(tasks.task(index));
      for (; record < end; record++) {
        this.#take(record, process);
        if (record % recordsPerRest === 0) yield;
      }
    }
  }

  #take(record: number, process: Process): void {
    const words = this.#words;
    const at = record * recordWords;
    const kind = words[at + wordOf.kind]!;
    const fd = words[at + wordOf.fd]!;
    const inode = words[at + wordOf.inode]!;
    const key = inode + (kind >>> 24) * 2 ** 32;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.owners = withOwner(known.owners, process, fd);
      return;
    }
    const row = this.#reader.row(words, at);
    if (row === null) {
      this.#reject(record, kind);
      return;
    }
    const { protocol, state, local, remote, uid, netns } = row;
    const owners = [{ process, fds: [fd] }];
    const socket = { protocol, state, local, remote, inode, uid, netns, owners };
    this.sockets.push(socket);
    this.#byKey.set(key, socket);
    if (key !== inode) this.#numbered.add(inode);
  }

  #reject(record: number, kind: number): void {
    this.malformedTotal++;
    if (this.malformed.length === malformedRowsMax) return;
    const text = kind.toString(16);
    this.malformed.push({ file: 'eBPF scan', line: record + 1, column: 'state', text });
  }
}

/** By pid and fd, each once: threads with files of their own may show a process again. */
function withOwner(owners: readonly Owner[], process: Process, fd: number): Owner[] {
  const known = owners.find((owner) => owner.process.pid === process.pid);
  if (known === undefined) {
    return [...owners, { process, fds: [fd] }].toSorted((a, b) => a.process.pid - b.process.pid);
  }
  if (known.fds.includes(fd)) return [...owners];
  const fds = [...known.fds, fd].toSorted((a, b) => a - b);
  return owners.map((owner) => (owner === known ? { process: owner.process, fds } : owner));
}
