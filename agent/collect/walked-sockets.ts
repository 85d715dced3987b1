/** Records of the walk over connections to sockets without owners; what did not change is the same object. */
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';

interface Walked {
  readonly socket: OwnedSocket;
  /** Index of the first word of its record in the walk that showed it last. */
  at: number;
}

const noOwners: readonly Owner[] = [];

export class WalkedSockets {
  readonly #reader = new RecordReader();
  /** By the hash of the tuple; of those that share one, the last. */
  #byHash = new Map<number, Walked>();
  /** The records of the last walk, copied: the map is written anew in each. */
  #recordsBefore = Buffer.alloc(0);
  #wordsBefore: Uint32Array = new Uint32Array(0);
  /** What came of them, and which namespaces were known. */
  #sockets: readonly OwnedSocket[] = [];
  #known = new Map<number, boolean>();

  /** @param isKnown of which namespaces; the walk goes over those of all hosts that share the kernel */
  read(records: Buffer, isKnown: (netns: number) => boolean): readonly OwnedSocket[] {
    const isAsBefore = [...this.#known].every(([netns, wasKnown]) => isKnown(netns) === wasKnown);
    if (isAsBefore && records.equals(this.#recordsBefore)) return this.#sockets;
    const copy = Buffer.from(new Uint8Array(records).buffer);
    const words = new Uint32Array(copy.buffer);
    const byHash = new Map<number, Walked>();
    const sockets: OwnedSocket[] = [];
    this.#known = new Map();
    for (let at = 0; at < words.length; at += recordWords) {
      if (!this.#isKnown(words[at + wordOf.netns]!, isKnown)) continue;
      const walked = this.#find(words, at) ?? this.#make(words, at);
      if (walked === null) continue;
      walked.at = at;
      byHash.set(words[at + wordOf.startLow]!, walked);
      sockets.push(walked.socket);
    }
    this.#byHash = byHash;
    this.#recordsBefore = copy;
    this.#wordsBefore = words;
    this.#sockets = sockets;
    return sockets;
  }

  #isKnown(netns: number, isKnown: (netns: number) => boolean): boolean {
    const known = this.#known.get(netns) ?? isKnown(netns);
    this.#known.set(netns, known);
    return known;
  }

  #find(words: Uint32Array, at: number): Walked | null {
    const walked = this.#byHash.get(words[at + wordOf.startLow]!);
    if (walked === undefined) return null;
    const before = this.#wordsBefore;
    for (let i = 0; i < recordWords; i++) if (words[at + i] !== before[walked.at + i]) return null;
    // It is this walk's from now on: another record with the same hash has to be made anew.
    this.#byHash.delete(words[at + wordOf.startLow]!);
    return walked;
  }

  /** Null for a state that has no word; a connection that goes on shows another one soon. */
  #make(words: Uint32Array, at: number): Walked | null {
    const row = this.#reader.row(words, at);
    return row === null ? null : { socket: { ...row, owners: noOwners }, at };
  }
}
