/**
 * The sockets that no process holds, by sock_diag: what a walk over fds cannot see.
 *
 *     passing   SYN_RECV, and what a process has let go of: FIN_WAIT ... TIME_WAIT. Asked for in every scan.
 *     lasting   the accept queue, sockets of the kernel's own (NFS, WireGuard), sockets on their way to another process.
 *               Only a dump of everything shows them, so they are asked for now and then and believed until the next.
 */
import type { OwnedSocket } from '../../model/socket.ts';
import { type SocketState, stateNumber } from '../../model/socket-state.ts';
import { stateMask } from '../netlink/inet-diag.ts';
import type { DiagQuery } from '../netlink/sock-diag.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { type AllDiagTables, type DiagTables, everySocket } from './diag-tables.ts';
import type { Entrance } from './namespace-tables.ts';

/** From one dump of everything to the next. */
export const fullDumpIntervalMs = 10_000;

const passingStates: ReadonlySet<SocketState> = new Set<SocketState>([
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'last-ack',
  'closing',
]);

/** TCP_NEW_SYN_RECV, the state of a request before the handshake ends, shares its word with SYN_RECV. */
const newSynRecv = 12;

const passing: readonly DiagQuery[] = [
  { protocol: 'tcp', states: stateMask([...[...passingStates].map(stateNumber), newSynRecv]) },
];

type Tables = Pick<DiagTables, 'read' | 'close'>;

/** A socket table that knows which inodes processes hold. */
export interface Held {
  readonly sockets: readonly OwnedSocket[];
  holds(inode: number): boolean;
}

export class OwnerlessSockets {
  readonly #tables: Tables;
  #rows: readonly OwnedSocket[] = [];
  #lasting: readonly OwnedSocket[] = [];
  #isFull = false;
  #nextFullAtMs = Number.NEGATIVE_INFINITY;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * To be called before the fds are walked, so that a socket which lives through the scan has its owners in it.
   *
   * @param nowMs on a monotonic clock
   */
  async read(
    byNetns: ReadonlyMap<number, readonly Entrance[]>,
    nowMs: number,
    slice: TimeSlice,
  ): Promise<AllDiagTables> {
    this.#isFull = nowMs >= this.#nextFullAtMs;
    if (this.#isFull) this.#nextFullAtMs = nowMs + fullDumpIntervalMs;
    const tables = await this.#tables.read(byNetns, slice, this.#isFull ? everySocket : passing);
    this.#rows = tables.read.flatMap((table) => table.rows());
    return tables;
  }

  /** Those that no process turned out to hold. */
  besides(held: Held): OwnedSocket[] {
    const isHeld = ({ inode }: OwnedSocket): boolean => inode !== 0 && held.holds(inode);
    const rows = this.#rows.filter((row) => !isHeld(row));
    if (this.#isFull) {
      this.#lasting = rows.filter((row) => !isPassing(row));
      return withoutTuplesOf(rows, held.sockets);
    }
    this.#lasting = withoutTuplesOf(
      this.#lasting.filter((row) => !isHeld(row)),
      rows,
    );
    return withoutTuplesOf([...rows, ...this.#lasting], held.sockets);
  }

  /** Idempotent. */
  close(): void {
    this.#tables.close();
  }
}

function isPassing({ protocol, state }: OwnedSocket): boolean {
  return protocol === 'tcp' && passingStates.has(state);
}

/** A connection that was accepted, or whose tuple is in use again, goes by what holds it now. */
function withoutTuplesOf(rows: readonly OwnedSocket[], others: readonly OwnedSocket[]): OwnedSocket[] {
  const byPorts = new Map<number, OwnedSocket[]>();
  for (const row of rows) {
    if (!isConnection(row)) continue;
    const same = byPorts.get(portsOf(row));
    if (same === undefined) byPorts.set(portsOf(row), [row]);
    else same.push(row);
  }
  const superseded = new Set<OwnedSocket>();
  for (const other of byPorts.size === 0 ? [] : others) {
    for (const row of byPorts.get(portsOf(other)) ?? []) if (hasTuple(row, other)) superseded.add(row);
  }
  return superseded.size === 0 ? [...rows] : rows.filter((row) => !superseded.has(row));
}

/** Tuples of other sockets may repeat. */
function isConnection({ protocol, state }: OwnedSocket): boolean {
  return protocol === 'tcp' && state !== 'listen';
}

function portsOf({ local, remote }: OwnedSocket): number {
  return local.port * 0x10000 + remote.port;
}

function hasTuple(a: OwnedSocket, b: OwnedSocket): boolean {
  return (
    a.protocol === b.protocol &&
    a.netns === b.netns &&
    a.local.ip === b.local.ip &&
    a.remote.ip === b.remote.ip &&
    a.local.port === b.local.port &&
    a.remote.port === b.remote.port
  );
}
