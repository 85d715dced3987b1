/**
 * What the aggregator should believe of one host: every message that is handed to it is read here as well, by the rules of
 * the protocol alone and with nothing of the aggregator's own code but the decoder.
 */
import type { AgentBatch, Hello } from '../../wire/agent-batch.ts';
import { ipv4FromNumber, unpackMeta, unpackPorts } from '../../wire/packing.ts';
import { messageFlags } from '../../wire/protocol.ts';

/** A row of the copy. */
export interface ReplicaRow {
  /** The agent's number, unique within its epoch. */
  readonly id: number;
  readonly tuple: string;
  inode: number;
}

/** How far one stream is. */
interface ReplicaStream {
  readonly hello: Hello;
  state: 'awaiting-snapshot' | 'snapshotting' | 'in-step';
  lastSeq: number;
  /** Rows of the snapshot that is arriving, by slot. */
  staged: Map<number, ReplicaRow>;
}

export class HostReplica {
  /** Whether what is shown must be just this. */
  isKnown = true;
  /** By slot; null before the first snapshot, and once the host was given up. */
  copy: Map<number, ReplicaRow> | null = null;
  /** Of the stream that speaks for the host. */
  hello: Hello | null = null;
  /** Sockets that were told as closed, by epoch and number. */
  readonly closed = new Set<string>();
  /** Lost events of each gap that took effect, by epoch and number. */
  readonly gaps = new Map<string, number>();
  /** Simulated time of the last message, and of the last one in step; or the begin of the stream. */
  heardMs = 0;
  inStepMs = 0;
  readonly #streams = new Map<object, ReplicaStream>();
  #current: ReplicaStream | null = null;

  /** Takes a message of the stream that goes by that key. */
  take(key: object, batch: AgentBatch, nowMs: number): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) {
      if (batch.hello !== null) this.#greet(key, batch.hello, nowMs);
      return;
    }
    if (stream !== this.#current) return;
    this.heardMs = nowMs;
    if (batch.seq > 0) this.#takeRows(stream, batch);
    if (stream.state === 'in-step') this.inStepMs = nowMs;
  }

  /** Whether a stream speaks for the host, or is one that was overtaken. */
  isCurrent(key: object): boolean {
    return this.#current !== null && this.#streams.get(key) === this.#current;
  }

  knows(key: object): boolean {
    return this.#streams.has(key);
  }

  get isSnapshotting(): boolean {
    return this.#current?.state === 'snapshotting';
  }

  /** The aggregator is another run: it knows what of this was durable, or more. */
  forget(): void {
    this.isKnown = false;
    this.copy = null;
    this.hello = null;
    this.#current = null;
  }

  /** A run of the agent could not read the epoch of the one before: it made one of the time, which may be lower. */
  forgetEpoch(): void {
    this.hello = null;
  }

  /** The aggregator has given the host up: only a snapshot brings it back. */
  giveUp(): void {
    this.copy = null;
    if (this.#current?.state === 'in-step') this.#current.state = 'awaiting-snapshot';
  }

  #greet(key: object, hello: Hello, nowMs: number): void {
    const stream: ReplicaStream = { hello, state: 'awaiting-snapshot', lastSeq: 0, staged: new Map() };
    this.#streams.set(key, stream);
    if (this.hello !== null && isLower(hello, this.hello)) return;
    this.hello = hello;
    this.#current = stream;
    this.heardMs = nowMs;
    this.inStepMs = nowMs;
  }

  #takeRows(stream: ReplicaStream, batch: AgentBatch): void {
    if ((batch.flags & messageFlags.snapshotBegin) !== 0) {
      stream.state = 'snapshotting';
      stream.lastSeq = batch.seq - 1;
      stream.staged = new Map();
    }
    if (stream.state === 'awaiting-snapshot' || batch.seq <= stream.lastSeq) return;
    if (batch.seq > stream.lastSeq + 1) {
      stream.state = 'awaiting-snapshot';
      return;
    }
    stream.lastSeq = batch.seq;
    // What is out of the spool is of an epoch of its own, and of nothing that is there now.
    const epoch = batch.spooledEpoch > 0 ? batch.spooledEpoch : stream.hello.epoch;
    for (const { id, lostEvents } of batch.gaps) this.gaps.set(`${epoch}/${id}`, lostEvents);
    if (batch.spooledEpoch > 0) this.#apply(new Map(), batch, epoch);
    else if (stream.state === 'in-step') this.#apply(this.copy!, batch, epoch);
    else {
      this.#apply(stream.staged, batch, epoch);
      if ((batch.flags & messageFlags.snapshotEnd) === 0) return;
      stream.state = 'in-step';
      this.isKnown = true;
      this.copy = stream.staged;
      stream.staged = new Map();
    }
  }

  #apply(rows: Map<number, ReplicaRow>, { opens, updates, closes }: AgentBatch, epoch: number): void {
    for (let n = 0; n < updates.slot.length; n++) {
      const row = rows.get(updates.slot[n]!);
      if (row !== undefined) row.inode = updates.inode[n]!;
    }
    for (let n = 0; n < opens.slot.length; n++) {
      const ports = unpackPorts(opens.ports[n]!);
      const { protocol } = unpackMeta(opens.meta[n]!)!;
      const local = `${ipv4FromNumber(opens.localAddress[n]!)}:${ports.local}`;
      const remote = `${ipv4FromNumber(opens.remoteAddress[n]!)}:${ports.remote}`;
      const tuple = `${protocol} ${local}>${remote}`;
      rows.set(opens.slot[n]!, { id: opens.id[n]!, tuple, inode: opens.inode[n]! });
    }
    for (let n = 0; n < closes.slot.length; n++) {
      const slot = closes.slot[n]!;
      const row = rows.get(slot);
      if (row !== undefined) this.closed.add(`${epoch}/${row.id}`);
      rows.delete(slot);
    }
  }
}

export function isLower(one: Hello, other: Hello): boolean {
  return one.epoch === other.epoch ? one.session < other.session : one.epoch < other.epoch;
}
