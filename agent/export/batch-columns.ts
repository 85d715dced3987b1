/** The rows of the message that is being built: columns of numbers that grow row by row. */
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { AgentBatch } from '../../wire/agent-batch.ts';
import type { SectionName } from '../../wire/column-numbers.ts';
import { clampU32, u32Max } from '../../wire/packing.ts';
import { rowBytes } from './message-size.ts';

const openNames = [
  'slot',
  'localAddress',
  'remoteAddress',
  'ports',
  'meta',
  'netns',
  'inode',
  'uid',
  'process',
  'fd',
  'ageMs',
  'unseenMs',
  'id',
] as const;

/** One row of the OPEN section; see OpenColumns of the wire for each column. */
export type OpenRow = Readonly<Record<(typeof openNames)[number], number>>;

/** A four-tuple in the columns of a row. */
export interface TupleColumns {
  readonly localAddress: number;
  readonly remoteAddress: number;
  readonly ports: number;
  /** The addresses are ids of the address dictionary. */
  readonly v6: boolean;
}

export class BatchColumns {
  readonly opens = Object.fromEntries(openNames.map((name) => [name, [] as number[]])) as Record<
    keyof OpenRow,
    number[]
  >;
  readonly closes = { slot: [] as number[], ageMs: [] as number[] };
  readonly updates = { slot: [] as number[], state: [] as number[], inode: [] as number[] };
  readonly reownedSlots: number[] = [];
  readonly owners = { slot: [] as number[], process: [] as number[], fd: [] as number[] };

  readonly nat = { slot: [] as number[], role: [] as number[] };
  readonly stages = {
    slot: [] as number[],
    localAddress: [] as number[],
    remoteAddress: [] as number[],
    ports: [] as number[],
    v6: [] as number[],
  };
  readonly counters = {
    slot: [] as number[],
    sent: [] as number[],
    received: [] as number[],
    rttUs: [] as number[],
    retransmits: [] as number[],
  };
  readonly grown = {
    slot: [] as number[],
    sent: [] as number[],
    received: [] as number[],
    rttUs: [] as number[],
  };

  /** Bytes of all rows on the wire. */
  get bytes(): number {
    return (
      this.opens.slot.length * rowBytes.open +
      this.closes.slot.length * rowBytes.close +
      this.updates.slot.length * rowBytes.update +
      this.reownedSlots.length * rowBytes.reowned +
      this.owners.slot.length * rowBytes.owner +
      this.nat.slot.length * rowBytes.nat +
      this.stages.slot.length * rowBytes.stage +
      this.counters.slot.length * rowBytes.counter +
      this.grown.slot.length * rowBytes.grown
    );
  }

  /** For a message. */
  sections(): Pick<AgentBatch, SectionName | 'reownedSlots'> {
    const { opens, closes, updates, reownedSlots, owners, nat, stages, counters, grown } = this;
    return { opens, closes, updates, reownedSlots, owners, nat, stages, counters, grown };
  }

  open(row: OpenRow): void {
    for (const name of openNames) this.opens[name].push(row[name]);
  }

  close(slot: number, ageMs: number): void {
    this.closes.slot.push(slot);
    this.closes.ageMs.push(ageMs);
  }

  update(slot: number, state: number, inode: number): void {
    this.updates.slot.push(slot);
    this.updates.state.push(state);
    this.updates.inode.push(inode);
  }

  owner(slot: number, process: number, fd: number): void {
    this.owners.slot.push(slot);
    this.owners.process.push(process);
    this.owners.fd.push(fd);
  }
  role(slot: number, role: number): void {
    this.nat.slot.push(slot);
    this.nat.role.push(role);
  }

  stage(slot: number, tuple: TupleColumns): void {
    this.stages.slot.push(slot);
    this.stages.localAddress.push(tuple.localAddress);
    this.stages.remoteAddress.push(tuple.remoteAddress);
    this.stages.ports.push(tuple.ports);
    this.stages.v6.push(tuple.v6 ? 1 : 0);
  }

  /** @param told as the aggregator has them; null = nobody knows */
  count(slot: number, counters: SocketCounters, told: SocketCounters | null): void {
    if (told !== null && hasOnlyGrown(counters, told)) this.#grow(slot, counters, told);
    else {
      this.counters.slot.push(slot);
      this.counters.sent.push(counters.bytesSent);
      this.counters.received.push(counters.bytesReceived);
      this.counters.rttUs.push(clampU32(counters.rttUs));
      this.counters.retransmits.push(clampU32(counters.retransmits));
    }
  }

  #grow(slot: number, counters: SocketCounters, told: SocketCounters): void {
    this.grown.slot.push(slot);
    this.grown.sent.push(counters.bytesSent - told.bytesSent);
    this.grown.received.push(counters.bytesReceived - told.bytesReceived);
    this.grown.rttUs.push(counters.rttUs === told.rttUs ? 0 : clampU32(counters.rttUs));
  }
}

/** Whether a row of GROWN can tell what has become of them. Bytes can shrink: a FIN is taken off once the state tells of it. */
function hasOnlyGrown(counters: SocketCounters, told: SocketCounters): boolean {
  return (
    isGrowth(counters.bytesSent - told.bytesSent) &&
    isGrowth(counters.bytesReceived - told.bytesReceived) &&
    (counters.rttUs > 0 || told.rttUs === 0) &&
    counters.retransmits === told.retransmits
  );
}

function isGrowth(difference: number): boolean {
  return difference >= 0 && difference <= u32Max;
}
