/** One direction of one stream: things come out in the order in which they went in, each after some time. */
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Direction, Link } from './link.ts';

interface UnderWay<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly atMs: number;
}

export interface PipeParts<Item> {
  readonly time: SimulatedTime;
  readonly link: Link;
  readonly direction: Direction;
  /** Takes what comes out; false = it has no room now, and asks by `resume`. */
  readonly take: (item: Item) => boolean;
}

export class Pipe<Item> {
  readonly #parts: PipeParts<Item>;
  #queue: UnderWay<Item>[] = [];
  #bytes = 0;
  #lastAtMs = 0;
  #isPlanned = false;
  #isClosed = false;

  constructor(parts: PipeParts<Item>) {
    this.#parts = parts;
  }

  /** Of what has not come out. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#queue.length;
  }

  put(item: Item, bytes: number): void {
    if (this.#isClosed) return;
    const { time, link } = this.#parts;
    this.#lastAtMs = Math.max(this.#lastAtMs, time.nowMs + link.delayMs());
    this.#queue.push({ item, bytes, atMs: this.#lastAtMs });
    this.#bytes += bytes;
    this.#plan();
  }

  /** There is room again. */
  resume(): void {
    this.#plan();
  }

  /** What is under way is lost, but for the first `kept` of it. */
  cutShort(kept: number): void {
    for (const { bytes } of this.#queue.splice(kept)) this.#bytes -= bytes;
  }

  /** Nothing comes out any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#bytes = 0;
  }

  #plan(): void {
    const first = this.#queue[0];
    if (this.#isPlanned || first === undefined) return;
    const { time, link, direction } = this.#parts;
    this.#isPlanned = true;
    const atMs = Math.max(first.atMs, link.cutUntilMs(direction));
    time.at(atMs, () => this.#arrive());
  }

  #arrive(): void {
    this.#isPlanned = false;
    const { link, direction, take } = this.#parts;
    const first = this.#queue[0];
    if (first === undefined) return;
    if (link.isCut(direction)) return this.#plan();
    if (!take(first.item) || this.#isClosed) return;
    this.#queue.shift();
    this.#bytes -= first.bytes;
    this.#plan();
  }
}
