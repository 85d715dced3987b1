/** Sockets of the slot table as rows of one message, with what they need of its dictionary. */
import type { FourTuple } from '../../model/four-tuple.ts';
import { isIpv6 } from '../../model/ip.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { noCounters } from '../../model/socket-counters.ts';
import { stateNumber } from '../../model/socket-state.ts';
import { ownerPairsMax } from '../../wire/agent-limits.ts';
import { clampU32, ipv4ToNumber, packMeta, packPorts } from '../../wire/packing.ts';
import { natRoles, neverLooked, unknownFd } from '../../wire/protocol.ts';
import type { BatchColumns, TupleColumns } from './batch-columns.ts';
import { type Dictionary, noProcess } from './dictionary.ts';
import { changeBits, nobodyLooked, type SlotRecord } from './slot-record.ts';

export class SocketRows {
  readonly #dictionary: Dictionary;
  readonly #columns: BatchColumns;
  readonly #nowMs: number;

  /** @param nowMs the base time of the message */
  constructor(dictionary: Dictionary, columns: BatchColumns, nowMs: number) {
    this.#dictionary = dictionary;
    this.#columns = columns;
    this.#nowMs = nowMs;
  }

  /** All that is known of it but its end. Its namespace is to be defined before. */
  open(record: SlotRecord, slot: number): void {
    const { socket } = record;
    const columns = this.#columns;
    const { v6, ...tuple } = this.#tuple(socket);
    const [first, ...further] = this.#ownerPairs(socket);
    columns.open({
      slot,
      ...tuple,
      meta: packMeta({ protocol: socket.protocol, state: socket.state, v6, byConntrack: record.byConntrack }),
      netns: this.#dictionary.netnsId(socket.netns) ?? 0,
      inode: clampU32(socket.inode),
      uid: clampU32(socket.uid),
      process: first?.[0] ?? noProcess,
      fd: first?.[1] ?? 0,
      ageMs: clampU32(this.#nowMs - record.openedAtMs),
      unseenMs: unseenColumn(record),
      id: record.id,
    });
    for (const [process, fd] of further) columns.owner(slot, process, fd);
    if (record.translation !== null || record.forwarded !== null) this.#translate(record, slot);
    if (record.counters !== null) columns.count(slot, record.counters, noCounters);
  }

  /** What differs from what was told. */
  change(record: SlotRecord): void {
    const { slot, socket, changes } = record;
    const columns = this.#columns;
    if (changes & changeBits.state) columns.update(slot, stateNumber(socket.state), clampU32(socket.inode));
    if (changes & changeBits.owners) {
      columns.reownedSlots.push(slot);
      for (const [process, fd] of this.#ownerPairs(socket)) columns.owner(slot, process, fd);
    }
    if (changes & changeBits.translation) this.#translate(record, slot);
    if (changes & changeBits.counters) columns.count(slot, record.counters!, record.toldCounters);
  }

  /** @param record that is closed */
  close(record: SlotRecord, slot: number): void {
    this.#columns.close(slot, clampU32(this.#nowMs - record.closedAtMs!));
  }

  #translate({ forwarded, translation }: SlotRecord, slot: number): void {
    const stages = forwarded === null ? translation!.stages : [forwarded];
    this.#columns.role(slot, forwarded === null ? natRoles[translation!.role] : natRoles.forwarder);
    for (const stage of stages) this.#columns.stage(slot, this.#tuple(stage));
  }

  #tuple({ local, remote }: FourTuple): TupleColumns {
    const v6 = isIpv6(local.ip) || isIpv6(remote.ip);
    const address = (ip: string): number => (v6 ? this.#dictionary.addressId(ip) : ipv4ToNumber(ip));
    return {
      localAddress: address(local.ip),
      remoteAddress: address(remote.ip),
      ports: packPorts(local.port, remote.port),
      v6,
    };
  }

  #ownerPairs(socket: OwnedSocket): [process: number, fd: number][] {
    const pairs: [number, number][] = [];
    for (const owner of socket.owners) {
      const process = this.#dictionary.processId(owner.process);
      if (process === noProcess) continue;
      if (owner.fds.length === 0) pairs.push([process, unknownFd]);
      for (const fd of owner.fds) pairs.push([process, fd]);
    }
    return pairs.slice(0, ownerPairsMax);
  }
}

function unseenColumn({ unseenMs }: SlotRecord): number {
  return unseenMs === nobodyLooked ? neverLooked : Math.min(neverLooked - 1, clampU32(unseenMs));
}
