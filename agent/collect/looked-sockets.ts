/**
 * Records of one eBPF scan to sockets with their owners, for whoever looks once: what held-sockets.ts does from scan to
 * scan, without anything that is kept for the next one.
 *
 * A socket is no more than its place among the records. What is told of it is made when it is asked for: who looks once
 * asks once, and what does not live needs no collecting.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';

/** How many records are read between two rests. */
const recordsPerRest = 500;

export class LookedSockets {
  /** In the order of the records, each once. To be asked, not to be spread: see LookedSocket. */
  readonly sockets: OwnedSocket[] = [];
  /** The first malformedRowsMax of the records whose state has no word. */
  readonly malformed: MalformedRow[] = [];
  malformedTotal = 0;
  /** By inode; subflows of MPTCP, which share theirs, by inode and number. */
  readonly #byKey = new Map<number, LookedSocket>();
  /** Inodes of those that have a number. */
  readonly #numbered = new Set<number>();
  readonly #records: Records;
  readonly #tasks: TaskTable;

  /** Copies what it needs: the maps may be written anew, or closed, afterwards. */
  constructor({ records, tasks }: FoundSockets) {
    const words = new Uint32Array(records.length / 4);
    words.set(new Uint32Array(records.buffer, records.byteOffset, words.length));
    this.#records = { words, reader: new RecordReader() };
    this.#tasks = new TaskTable(Buffer.concat([tasks]));
  }

  /** Whether a process holds a socket of that inode. */
  holds(inode: number): boolean {
    return this.#byKey.has(inode) || this.#numbered.has(inode);
  }

  /** Does all the work, with rests in between. @param processOf is asked once for each process that holds sockets */
  *read(processOf: (task: SeenTask) => Process): Generator<void, void> {
    const tasks = this.#tasks;
    const records = this.#records.words.length / recordWords;
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
    const { words, reader } = this.#records;
    const at = record * recordWords;
    const inode = words[at + wordOf.inode]!;
    const subflow = words[at + wordOf.kind]! >>> 24;
    const key = inode + subflow * 2 ** 32;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.addOwner(process, words[at + wordOf.fd]!);
      return;
    }
    const state = reader.state(words, at);
    if (state === null) {
      this.#reject(record, words[at + wordOf.kind]!);
      return;
    }
    const socket = new LookedSocket(this.#records, at, state, process);
    this.sockets.push(socket);
    this.#byKey.set(key, socket);
    if (subflow !== 0) this.#numbered.add(inode);
  }

  #reject(record: number, kind: number): void {
    this.malformedTotal++;
    if (this.malformed.length === malformedRowsMax) return;
    const text = kind.toString(16);
    this.malformed.push({ file: 'eBPF scan', line: record + 1, column: 'state', text });
  }
}

interface Records {
  readonly words: Uint32Array;
  readonly reader: RecordReader;
}

class LookedSocket implements OwnedSocket {
  readonly #records: Records;
  readonly #at: number;
  readonly #first: Process;
  readonly state: SocketState;
  /** Null where it is `#first` alone, under the fd of the record. */
  #owners: readonly Owner[] | null = null;

  constructor(records: Records, at: number, state: SocketState, first: Process) {
    this.#records = records;
    this.#at = at;
    this.state = state;
    this.#first = first;
  }

  get protocol(): Protocol {
    return this.#records.reader.protocol(this.#records.words, this.#at);
  }

  get local(): Endpoint {
    return this.#records.reader.local(this.#records.words, this.#at);
  }

  get remote(): Endpoint {
    return this.#records.reader.remote(this.#records.words, this.#at);
  }

  get inode(): number {
    return this.#word(wordOf.inode);
  }

  get uid(): number {
    return this.#word(wordOf.uid);
  }

  get netns(): number {
    return this.#word(wordOf.netns);
  }

  get owners(): readonly Owner[] {
    return this.#owners ?? [{ process: this.#first, fds: [this.#word(wordOf.fd)] }];
  }

  addOwner(process: Process, fd: number): void {
    this.#owners = withOwner(this.owners, process, fd);
  }

  #word(offset: number): number {
    return this.#records.words[this.#at + offset]!;
  }
}

/** By pid and fd, each once: threads with files of their own may show a process again. */
function withOwner(owners: readonly Owner[], process: Process, fd: number): readonly Owner[] {
  const known = owners.find((owner) => owner.process.pid === process.pid);
  if (known === undefined) {
    return [...owners, { process, fds: [fd] }].toSorted((a, b) => a.process.pid - b.process.pid);
  }
  if (known.fds.includes(fd)) return owners;
  const fds = [...known.fds, fd].toSorted((a, b) => a - b);
  return owners.map((owner) => (owner === known ? { process: owner.process, fds } : owner));
}
