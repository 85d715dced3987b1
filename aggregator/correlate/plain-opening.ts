/** Plain halves as they are told: into the core, and with what it makes of them to edges and counts. */
import { outcomes } from '../core/block.ts';
import type { ConnectionCore } from '../core/connection-core.ts';
import { facts, factsWord, rowShift } from '../core/connection-row.ts';
import { never, tickAfter, tickBefore } from '../core/ticks.ts';
import { evidenceFor } from './plain-half.ts';
import type { KeptParts } from './plain-kept.ts';
import type { PlainTuple } from './plain-tuples.ts';
import type { ReportedSocket } from './report.ts';

export interface OpeningParts extends KeptParts {
  readonly core: ConnectionCore;
  readonly tuple: PlainTuple;
}

export class PlainOpening {
  readonly #parts: OpeningParts;
  readonly #letGo: () => void;

  /** @param letGo hands on what has left */
  constructor(parts: OpeningParts, letGo: () => void) {
    this.#parts = parts;
    this.#letGo = letGo;
  }

  /** @returns whether the core has taken it. @param socket that is plain */
  open(socket: ReportedSocket, nowMs: number): boolean {
    const { core, hosts, tuple, slots, originMs } = this.#parts;
    const netns = hosts.netnsOf(socket);
    const { host } = netns;
    const scope = hosts.scopeOf(netns, socket.local.ip, socket.remote.ip);
    if (!tuple.fill(socket, scope)) return false;
    const holder = hosts.retain(netns, socket);
    if (holder < 0) {
      tuple.release();
      return false;
    }
    const slot = host.takeSlot();
    const { columns } = tuple;
    columns.slot[0] = slot;
    columns.holder[0] = holder;
    columns.opened[0] = tickAfter(socket.openedAtMs, originMs);
    columns.bornAfter[0] = socket.notBeforeMs === 0 ? never : tickBefore(socket.notBeforeMs, originMs);
    columns.evidence[0] = evidenceFor(socket);
    core.open(columns, 0, 1, host.slots, tickBefore(nowMs, originMs));
    tuple.release();
    const outcome = core.outcomeOf(0);
    this.#letGo();
    if (outcome !== outcomes.lone && outcome !== outcomes.joined) {
      if (outcome === outcomes.elsewhere) slots.closeSlot(host.slots, slot, 0);
      host.freeSlot(slot);
      hosts.release(holder);
      return false;
    }
    socket.token = slot + 1;
    const half = host.slots.get(slot);
    this.#parts.edges.rows.sockets.tell(half, socket);
    this.#conclude(half >> 1, outcome === outcomes.joined, nowMs);
    return true;
  }

  #conclude(row: number, isJoined: boolean, nowMs: number): void {
    const { core, rows } = this.#parts.edges;
    if (!isJoined) rows.begin(row, nowMs);
    rows.settle(row, (core.words[(row << rowShift) + factsWord]! & facts.over) !== 0, nowMs);
    if (isJoined) this.#parts.conclusions.placed(row, nowMs);
  }
}
