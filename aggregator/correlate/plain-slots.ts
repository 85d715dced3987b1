/** Where the core has the sockets that are in it: each host reaches its own by slots, which the sockets carry as tokens. */
import type { AgentSlots } from '../core/agent-slots.ts';
import type { ConnectionCore } from '../core/connection-core.ts';
import type { PlainHosts } from './plain-hosts.ts';
import type { ReportedSocket } from './report.ts';

export class PlainSlots {
  readonly #core: ConnectionCore;
  readonly #hosts: PlainHosts;
  /** Columns of one value. */
  readonly #slot = Int32Array.of(0);
  readonly #value = Int32Array.of(0);

  constructor(core: ConnectionCore, hosts: PlainHosts) {
    this.#core = core;
    this.#hosts = hosts;
  }

  /** row << 1 | end; -1 where the socket is not in the core. */
  halfOf({ host, token = 0 }: ReportedSocket): number {
    return token === 0 ? -1 : this.#hosts.of(host).slots.get(token - 1);
  }

  rowOf(socket: ReportedSocket): number {
    return this.halfOf(socket) >> 1;
  }

  learn(socket: ReportedSocket, evidence: number, tick: number): void {
    this.#slot[0] = socket.token! - 1;
    this.#value[0] = evidence;
    this.#core.learn(this.#slot, this.#value, 0, 1, this.#hosts.of(socket.host).slots, tick);
  }

  /** The socket is gone, or the core has it no more. One that is not there is left alone. */
  close(socket: ReportedSocket, tick: number): void {
    const host = this.#hosts.of(socket.host);
    const slot = (socket.token ?? 0) - 1;
    if (slot < 0) return;
    this.closeSlot(host.slots, slot, tick);
    host.freeSlot(slot);
    socket.token = 0;
  }

  closeSlot(slots: AgentSlots, slot: number, tick: number): void {
    this.#slot[0] = slot;
    this.#value[0] = tick;
    this.#core.close(this.#slot, this.#value, 0, 1, slots);
  }
}
