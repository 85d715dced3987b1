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
  #wordsBefore: Uint32Array = new Uint32Array(0);

  /** @param isKnown of which namespaces; the walk goes over those of all hosts that share the kernel */
  read(records: Buffer, isKnown: (netns: number) => boolean): OwnedSocket[] {
    const words = new Uint32Array(records.buffer, records.byteOffset, records.length / 4).slice();
    const byHash = new Map<number, Walked>();
    const sockets: OwnedSocket[] = [];
    for (let at = 0; at < words.length; at += recordWords) {
      if (!isKnown(words[at + wordOf.netns]!)) continue;
      const walked = this.#find(words, at) ?? this.#make(words, at);
      if (walked === null) continue;
      walked.at = at;
      byHash.set(words[at + wordOf.startLow]!, walked);
      sockets.push(walked.socket);
    }
    this.#byHash = byHash;
    this.#wordsBefore = words;
    return sockets;
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
