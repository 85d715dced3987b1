/**
 * The rows of a message that open sockets out of the ordinary in nothing: established, TCP over IPv4, one process that has it
 * under one fd, and no more about it in the message than its counters. They are most of them, and stay columns from the wire
 * to the core. Everything else becomes objects (rows.ts).
 */
import type { Process } from '../../model/process.ts';
import type { AgentBatch } from '../../wire/agent-batch.ts';
import { ipv4FromNumber, packMeta, unpackPorts } from '../../wire/packing.ts';
import { neverLooked, unknownFd } from '../../wire/protocol.ts';
import { isInterned } from '../core/addresses.ts';
import type { OpenedColumns } from '../correlate/report.ts';
import type { ClockOffset } from './clock-offset.ts';
import type { StreamDictionary } from './dictionary.ts';
import type { OpenedRow } from './opened-row.ts';

const simpleMeta = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });

const firstRoom = 64;

export class SimpleOpens implements OpenedColumns {
  count = 0;
  slot!: Int32Array;
  local!: Int32Array;
  remote!: Int32Array;
  ports!: Int32Array;
  inode!: Uint32Array;
  uid!: Uint32Array;
  fd!: Uint32Array;
  id!: Float64Array;
  openedAtMs!: Float64Array;
  notBeforeMs!: Float64Array;
  readonly netns: number[] = [];
  readonly processes: Process[] = [];
  acceptedMs = 0;

  /** @param rows for which there is room; there may be more */
  constructor(rows = firstRoom) {
    this.#widen(rows);
  }

  /** Begins with the next message. @param rows that it opens */
  begin(rows: number, acceptedMs: number): void {
    this.count = 0;
    this.acceptedMs = acceptedMs;
    if (rows > this.slot.length) this.#widen(rows);
  }

  /**
   * Takes a row if it is simple by itself. Throws WireError for ids that are not in the dictionary.
   * @returns whether it was taken
   */
  add(
    { opens, baseUnixMs }: AgentBatch,
    row: number,
    dictionary: StreamDictionary,
    clock: ClockOffset,
    nowMs: number,
  ): boolean {
    const owner = opens.process[row]!;
    if (opens.meta[row] !== simpleMeta || owner === 0) return false;
    const [local, remote, ports] = [
      opens.localAddress[row]! | 0,
      opens.remoteAddress[row]! | 0,
      opens.ports[row]!,
    ];
    if (remote === 0 || isInterned(local) || isInterned(remote) || isSelf(local, remote, ports)) return false;
    const at = this.count++;
    const openedUnixMs = baseUnixMs - opens.ageMs[row]!;
    const unseenMs = opens.unseenMs[row]!;
    this.slot[at] = opens.slot[row]!;
    this.local[at] = local;
    this.remote[at] = remote;
    this.ports[at] = ports;
    this.inode[at] = opens.inode[row]!;
    this.uid[at] = opens.uid[row]!;
    this.fd[at] = opens.fd[row]!;
    this.id[at] = opens.id[row]!;
    this.openedAtMs[at] = clock.toOurs(openedUnixMs, nowMs);
    this.notBeforeMs[at] = unseenMs === neverLooked ? 0 : clock.toOurs(openedUnixMs - unseenMs, nowMs);
    this.netns[at] = dictionary.netns(opens.netns[row]!).inode;
    this.processes[at] = dictionary.process(owner);
    return true;
  }

  /** The same row as an object, for what is told as objects after all. */
  rowAt(at: number): OpenedRow {
    const ports = unpackPorts(this.ports[at]!);
    const fd = this.fd[at]!;
    return {
      slot: this.slot[at]!,
      id: this.id[at]!,
      protocol: 'tcp',
      state: 'established',
      netns: this.netns[at]!,
      local: { ip: ipv4FromNumber(this.local[at]! >>> 0), port: ports.local },
      remote: { ip: ipv4FromNumber(this.remote[at]! >>> 0), port: ports.remote },
      inode: this.inode[at]!,
      uid: this.uid[at]!,
      owners: [{ process: this.processes[at]!, fds: fd === unknownFd ? [] : [fd] }],
      openedAtMs: this.openedAtMs[at]!,
      notBeforeMs: this.notBeforeMs[at]!,
      acceptedMs: this.acceptedMs,
      forwarded: null,
      byConntrack: false,
      translation: null,
      counters: null,
      closedAtMs: null,
    };
  }

  #widen(rows: number): void {
    for (const name of ['slot', 'local', 'remote', 'ports'] as const) this[name] = new Int32Array(rows);
    for (const name of ['inode', 'uid', 'fd'] as const) this[name] = new Uint32Array(rows);
    for (const name of ['id', 'openedAtMs', 'notBeforeMs'] as const) this[name] = new Float64Array(rows);
  }
}

function isSelf(local: number, remote: number, ports: number): boolean {
  return local === remote && ports >>> 16 === (ports & 0xffff);
}
