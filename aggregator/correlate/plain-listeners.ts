/** The TCP listeners of the fleet by numbers, as the core asks for them, and the connections that wait for one to decide them. */
import { isUnspecified } from '../../model/ip.ts';
import {
  directionRules,
  factsWord,
  holderWord,
  rowShift,
  ruleMask,
  ruleShift,
} from '../core/connection-row.ts';
import type { Holders } from '../core/holders.ts';
import { anyV6, Listening } from '../core/listening.ts';
import type { PlainHosts } from './plain-hosts.ts';
import type { PlainTuple } from './plain-tuples.ts';
import type { ReportedSocket } from './report.ts';

interface Bound {
  readonly netns: number;
  readonly port: number;
  readonly address: number;
}

export class PlainListeners {
  readonly listening: Listening;
  readonly #hosts: PlainHosts;
  readonly #tuple: PlainTuple;
  readonly #bound = new Map<ReportedSocket, Bound>();
  /** Rows whose direction no listener has decided, by the port of each end. */
  readonly #undecided = new Map<number, Set<number>>();

  /** @param max bound addresses and ports at a time; beyond it a listener is not heard of here, and ports decide */
  constructor(max: number, seed: number, hosts: PlainHosts, tuple: PlainTuple) {
    this.listening = new Listening(seed, max);
    this.#hosts = hosts;
    this.#tuple = tuple;
  }

  get size(): number {
    return this.#bound.size + this.#undecided.size;
  }

  /** Also one that is known already. @returns the rows that it may decide */
  add(socket: ReportedSocket): readonly number[] {
    if (socket.protocol !== 'tcp') return [];
    const { ip, port } = socket.local;
    const netns = this.#hosts.netnsOf(socket).scope;
    if (!this.#bound.has(socket)) {
      const address = isUnspecified(ip) ? (ip === '::' ? anyV6 : 0) : this.#tuple.retain(ip);
      this.#bound.set(socket, { netns, port: port << 1, address });
      this.listening.add(netns, port << 1, address);
    }
    return [...(this.#undecided.get(keyOf(netns, port)) ?? [])];
  }

  remove(socket: ReportedSocket): void {
    const bound = this.#bound.get(socket);
    if (bound === undefined) return;
    this.#bound.delete(socket);
    this.listening.remove(bound.netns, bound.port, bound.address);
    if (bound.address !== anyV6) this.#tuple.releaseWord(bound.address);
  }

  /** A row is placed, or its direction is decided anew. */
  file(row: number, words: Int32Array): void {
    const rule = (words[(row << rowShift) + factsWord]! & ruleMask) >>> ruleShift;
    for (const key of keysOf(row << rowShift, words, this.#hosts.holders)) {
      const rows = this.#undecided.get(key);
      if (rule === directionRules.listener) this.#drop(key, rows, row);
      else if (rows === undefined) this.#undecided.set(key, new Set([row]));
      else rows.add(row);
    }
  }

  /** @param words that have the row at `first` */
  unfile(row: number, words: Int32Array, first: number): void {
    const rule = (words[first + factsWord]! & ruleMask) >>> ruleShift;
    if (rule === directionRules.listener || rule === directionRules.undecided) return;
    for (const key of keysOf(first, words, this.#hosts.holders)) {
      this.#drop(key, this.#undecided.get(key), row);
    }
  }

  #drop(key: number, rows: Set<number> | undefined, row: number): void {
    if (rows?.delete(row) === true && rows.size === 0) this.#undecided.delete(key);
  }
}

function keysOf(first: number, words: Int32Array, holders: Holders): [number, number] {
  const ports = words[first + 2]!;
  const netns = (side: 0 | 1): number => holders.netnsOf(words[first + holderWord + side]! - 1);
  return [keyOf(netns(0), ports >>> 16), keyOf(netns(1), ports & 0xffff)];
}

function keyOf(netns: number, port: number): number {
  return netns * 65_536 + port;
}
