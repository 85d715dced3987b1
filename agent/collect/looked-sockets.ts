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
import { isEstablished, RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';
import { type SeenTask, TaskTable } from '../bpf/task-table.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';

/** How many records are read between two rests, at least. */
const recordsPerRest = 500;

const { inode: inodeWord, kind: kindWord, fd: fdWord, netns: netnsWord } = wordOf;

/** Of a record's kind: protocol and state, without the number of the subflow. */
const kindMask = 0xffffff;

/** One beyond the greatest inode. */
const inodesEnd = 2 ** 32;

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
  /** Those that occur; null = the state has no word. */
  readonly #kinds = new Map<number, Kind | null>();
  /** Where the records of `sockets` begin. */
  readonly #places: Uint32Array;
  readonly #records: Records;
  readonly #tasks: TaskTable;

  /** Copies what it needs: the maps may be written anew, or closed, afterwards. */
  constructor({ records, tasks }: FoundSockets) {
    const words = new Uint32Array(records.length / 4);
    words.set(new Uint32Array(records.buffer, records.byteOffset, words.length));
    this.#records = { words, reader: new RecordReader() };
    this.#places = new Uint32Array(words.length / recordWords);
    this.#tasks = new TaskTable(Buffer.concat([tasks]));
  }

  /** Whether a process holds a socket of that inode. */
  holds(inode: number): boolean {
    return this.#byKey.has(inode) || this.#numbered.has(inode);
  }

  /** How many TCP connections of a namespace are established. */
  established(netns: number): number {
    const { words } = this.#records;
    const places = this.#places;
    const { length } = this.sockets;
    let count = 0;
    for (let i = 0; i < length; i++) {
      const at = places[i]!;
      if (words[at + netnsWord] === netns && isEstablished(words[at + kindWord]!)) count++;
    }
    return count;
  }

  /** Does all the work, with rests in between. @param processOf is asked once for each process that holds sockets */
  *read(processOf: (task: SeenTask) => Process): Generator<void, void> {
    const tasks = this.#tasks;
    const records = this.#records.words.length / recordWords;
    let rest = recordsPerRest;
    for (let index = 0; index < tasks.length; index++) {
      const first = tasks.firstRecord(index);
      const end = index + 1 < tasks.length ? tasks.firstRecord(index + 1) : records;
      if (first === end) continue;
      const process = processOf(tasks.task(index));
      for (let from = first; from < end; from += recordsPerRest) {
        this.#take(from, Math.min(end, from + recordsPerRest), process);
        if (from < rest) continue;
        rest = from + recordsPerRest;
        yield;
      }
    }
  }

  /** Records of one process. */
  #take(from: number, to: number, process: Process): void {
    const { words } = this.#records;
    const byKey = this.#byKey;
    for (let at = from * recordWords; at < to * recordWords; at += recordWords) {
      const inode = words[at + inodeWord]!;
      const wholeKind = words[at + kindWord]!;
      const subflow = wholeKind >>> 24;
      const key = subflow === 0 ? inode : inode + subflow * inodesEnd;
      const known = byKey.get(key);
      if (known !== undefined) {
        known.addOwner(process, words[at + fdWord]!);
        continue;
      }
      const kind = this.#kinds.get(wholeKind & kindMask) ?? this.#kindOf(at);
      if (kind === null) {
        this.#reject(at / recordWords, wholeKind);
        continue;
      }
      const socket = new LookedSocket(this.#records, at, kind, process);
      this.#places[this.sockets.push(socket) - 1] = at;
      byKey.set(key, socket);
      if (subflow !== 0) this.#numbered.add(inode);
    }
  }

  /** Of a record of a kind that has not occurred. */
  #kindOf(at: number): Kind | null {
    const { words, reader } = this.#records;
    const state = reader.state(words, at);
    const kind = state === null ? null : { protocol: reader.protocol(words, at), state };
    this.#kinds.set(words[at + kindWord]! & kindMask, kind);
    return kind;
  }

  #reject(record: number, kind: number): void {
    this.malformedTotal++;
    if (this.malformed.length === malformedRowsMax) return;
    const text = kind.toString(16);
    this.malformed.push({ file: 'eBPF scan', line: record + 1, column: 'state', text });
  }
}

interface Kind {
  readonly protocol: Protocol;
  readonly state: SocketState;
}

interface Records {
  readonly words: Uint32Array;
  readonly reader: RecordReader;
}

class LookedSocket implements OwnedSocket {
  readonly #records: Records;
  readonly #at: number;
  readonly #first: Process;
  readonly #kind: Kind;
  /** Null where it is `#first` alone, under the fd of the record. */
  #owners: readonly Owner[] | null = null;

  constructor(records: Records, at: number, kind: Kind, first: Process) {
    this.#records = records;
    this.#at = at;
    this.#kind = kind;
    this.#first = first;
  }

  get protocol(): Protocol {
    return this.#kind.protocol;
  }

  get state(): SocketState {
    return this.#kind.state;
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
