/** Records of the walk over connections to sockets without owners; what did not change is the same object. */
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { RecordReader, recordWords, wordOf } from '../bpf/socket-record.ts';

interface Walked {
  readonly socket: OwnedSocket;
  /** Index of the first word of its record in the walk that showed it last. */
  at: number;
}

/** How many records there is room for at first. */
const recordsAtFirst = 64;

const noOwners: readonly Owner[] = [];

export class WalkedSockets {
  readonly #reader = new RecordReader();
  /** By the hash of the tuple; of those that share one, the last. */
  #byHash = new Map<number, Walked>();
  /** The records of known namespaces, copied, of this walk and of the last: the map is written anew in each. */
  #words = new Uint32Array(0);
  #wordsBefore = new Uint32Array(0);
  /** How many words there were in the last walk, and what came of them. */
  #countBefore = 0;
  #sockets: readonly OwnedSocket[] = [];

  /**
   * @param isKnown of which namespaces; the walk goes over those of all hosts that share the kernel
   * @returns the same array as before when nothing changed
   */
  read(records: Buffer, isKnown: (netns: number) => boolean): readonly OwnedSocket[] {
    const count = this.#takeKnown(records, isKnown);
    if (this.#isAsBefore(count)) return this.#sockets;
    const words = this.#words;
    const byHash = new Map<number, Walked>();
    const sockets: OwnedSocket[] = [];
    for (let at = 0; at < count; at += recordWords) {
      const walked = this.#find(words, at) ?? this.#make(words, at);
      if (walked === null) continue;
      walked.at = at;
      byHash.set(words[at + wordOf.startLow]!, walked);
      sockets.push(walked.socket);
    }
    this.#byHash = byHash;
    [this.#words, this.#wordsBefore] = [this.#wordsBefore, this.#words];
    this.#countBefore = count;
    this.#sockets = sockets;
    return sockets;
  }

  /** Copies the records of known namespaces. @returns how many words they are */
  #takeKnown(records: Buffer, isKnown: (netns: number) => boolean): number {
    const all = new Uint32Array(records.buffer, records.byteOffset, records.length / 4);
    let count = 0;
    for (let at = 0; at < all.length; at += recordWords) {
      if (!isKnown(all[at + wordOf.netns]!)) continue;
      if (count === this.#words.length) this.#grow();
      for (let i = 0; i < recordWords; i++) this.#words[count + i] = all[at + i]!;
      count += recordWords;
    }
    return count;
  }

  #grow(): void {
    const larger = new Uint32Array(Math.max(recordsAtFirst * recordWords, this.#words.length * 2));
    larger.set(this.#words);
    this.#words = larger;
  }

  #isAsBefore(count: number): boolean {
    if (count !== this.#countBefore) return false;
    for (let i = 0; i < count; i++) if (this.#words[i] !== this.#wordsBefore[i]) return false;
    return true;
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
