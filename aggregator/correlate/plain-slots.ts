/** Where the core has the sockets that are in it: each host reaches its own by slots, which the sockets carry as tokens. */
import type { AgentSlots } from '../core/agent-slots.ts';
import type { ConnectionCore } from '../core/connection-core.ts';
import type { PlainHost } from './plain-host.ts';
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

  /** A socket that was told as an object is reached by its agent's slot from now on. @returns whether that is free */
  keep(host: PlainHost, socket: ReportedSocket, slot: number): boolean {
    if (!host.keptSlots.claim(slot)) return false;
    const own = socket.token! - 1;
    const half = host.slots.take(own);
    host.freeSlot(own);
    socket.token = 0;
    host.keptSlots.set(slot, half >> 1, half & 1);
    return true;
  }

  /** The reverse. */
  restore(host: PlainHost, socket: ReportedSocket, slot: number): void {
    const half = host.keptSlots.take(slot);
    const own = host.takeSlot();
    host.slots.claim(own);
    host.slots.set(own, half >> 1, half & 1);
    socket.token = own + 1;
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
