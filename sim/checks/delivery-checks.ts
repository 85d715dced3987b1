/** What passes between agents and aggregator, held against the rules of delivery as it passes. */
import type { AgentBatch, Hello } from '../../wire/agent-batch.ts';
import { sendWindowBatches, sendWindowBytes } from '../../wire/agent-limits.ts';
import { AgentMessageDecoder } from '../../wire/agent-message.ts';
import { maxMessageBytes, messageFlags } from '../../wire/protocol.ts';
import type { ServerSaying } from '../../wire/server-message.ts';
import type { Trace } from '../engine/trace.ts';
import type { CallWitness, SimulatedCall } from '../network/simulated-call.ts';
import { demand } from './invariants.ts';
import { HostReplica } from './replica.ts';

interface Sent {
  readonly seq: number;
  readonly bytes: number;
}

/** What was sent and said on one call. */
interface CallRecord {
  hello: Hello | null;
  helloSentMs: number;
  /** As said by the aggregator. */
  appliedSeq: number;
  durableSeq: number;
  /** Messages with rows that the agent has sent and not heard to be applied. */
  inFlight: Sent[];
  inFlightBytes: number;
}

export interface DeliveryParts {
  readonly simulatedMs: () => number;
  readonly trace: Trace;
  readonly hostName: (host: number) => string;
  /** The aggregator says that a host is lost. */
  readonly isLost: (host: number) => boolean;
}

export class DeliveryChecks implements CallWitness {
  readonly #parts: DeliveryParts;
  readonly #decoder = new AgentMessageDecoder();
  readonly #records = new Map<SimulatedCall, CallRecord>();
  readonly #replicas = new Map<number, HostReplica>();
  /** Highest durable seq of each epoch of a host that its agent has heard of. */
  readonly #durable = new Map<string, number>();

  /** How long the slowest Hello was under way: until a clock is measured, it is taken to be off by that. */
  helloLateMs = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** What the aggregator should believe of that host. */
  replica(host: number): HostReplica {
    const known = this.#replicas.get(host);
    if (known !== undefined) return known;
    const replica = new HostReplica();
    this.#replicas.set(host, replica);
    return replica;
  }

  get replicas(): ReadonlyMap<number, HostReplica> {
    return this.#replicas;
  }

  /** What it knows when it is back is not known before the next snapshots. */
  aggregatorDied(): void {
    for (const replica of this.#replicas.values()) replica.forget();
  }

  sent(call: SimulatedCall, bytes: Buffer): void {
    const record = this.#recordOf(call);
    const { seq, hello, flags } = this.#decoder.decode(bytes);
    demand(bytes.length <= maxMessageBytes, 'I12', () => `a message of ${bytes.length} bytes`);
    if (hello !== null) Object.assign(record, { hello, helloSentMs: this.#parts.simulatedMs() });
    if (seq === 0) return;
    // A new snapshot takes the place of what is in flight.
    if ((flags & messageFlags.snapshotBegin) !== 0) Object.assign(record, { inFlight: [], inFlightBytes: 0 });
    demand(
      record.inFlight.length < sendWindowBatches && record.inFlightBytes < sendWindowBytes,
      'I12',
      () => `${this.#who(call)} sends ${seq} with ${record.inFlight.length} messages in flight`,
    );
    record.inFlight.push({ seq, bytes: bytes.length });
    record.inFlightBytes += bytes.length;
  }

  taking(call: SimulatedCall, bytes: Buffer): void {
    const { simulatedMs, trace, isLost } = this.#parts;
    if (call.stream!.session.state.kind === 'ended') return;
    const batch = this.#decoder.decode(bytes);
    const replica = this.replica(call.host);
    if (isLost(call.host)) replica.giveUp();
    const nowMs = simulatedMs();
    if (batch.hello !== null) {
      const lateMs = nowMs - this.#recordOf(call).helloSentMs;
      this.helloLateMs = Math.max(this.helloLateMs, lateMs);
    }
    trace.note(
      nowMs,
      'takes',
      this.#who(call),
      batch.seq,
      batch.flags,
      bytes.length,
      batch.opens.slot.length,
    );
    if (trace.isWhole && batch.seq > 0) trace.comment(nowMs, rowsText(batch));
    replica.take(call, batch, nowMs);
  }

  said(call: SimulatedCall, saying: ServerSaying): void {
    if (saying.kind !== 'ack') return;
    const record = this.#recordOf(call);
    const { appliedSeq, durableSeq } = saying;
    const line = (): string => `${this.#who(call)} is told ${appliedSeq}/${durableSeq}`;
    demand(appliedSeq >= record.appliedSeq && durableSeq >= record.durableSeq, 'I4', line);
    demand(durableSeq <= appliedSeq, 'I4', line);
    const isCurrent = this.replica(call.host).isCurrent(call);
    demand(isCurrent, 'I8', () => `${line()}, and a newer stream speaks for its host`);
    Object.assign(record, { appliedSeq, durableSeq });
  }

  heard(call: SimulatedCall, saying: ServerSaying): void {
    const { trace, simulatedMs } = this.#parts;
    trace.note(simulatedMs(), 'hears', this.#who(call), saying.kind);
    if (saying.kind !== 'ack') return;
    const record = this.#recordOf(call);
    while (record.inFlight[0] !== undefined && record.inFlight[0].seq <= saying.appliedSeq) {
      record.inFlightBytes -= record.inFlight.shift()!.bytes;
    }
    if (record.hello === null) return;
    const key = `${call.host}/${record.hello.epoch}`;
    this.#durable.set(key, Math.max(this.#durable.get(key) ?? 0, saying.durableSeq));
  }

  #recordOf(call: SimulatedCall): CallRecord {
    const known = this.#records.get(call);
    if (known !== undefined) return known;
    const record = {
      hello: null,
      helloSentMs: 0,
      appliedSeq: 0,
      durableSeq: 0,
      inFlight: [],
      inFlightBytes: 0,
    };
    this.#records.set(call, record);
    return record;
  }

  #who(call: SimulatedCall): string {
    const { hello } = this.#recordOf(call);
    return `${this.#parts.hostName(call.host)}/${hello?.epoch ?? 0}.${hello?.session ?? 0}`;
  }
}

/** Its rows, for whoever reads a trace. */
function rowsText({ opens, closes, updates, gaps }: AgentBatch): string {
  const opened = Array.from(opens.slot, (slot, n) => `${opens.id[n]} in ${slot} (inode ${opens.inode[n]})`);
  const closed = Array.from(closes.slot);
  const updated = Array.from(updates.slot);
  const parts = { opened, closed, updated, gaps: gaps.map(({ id }) => id) };
  return `  ${JSON.stringify(parts)}`;
}
