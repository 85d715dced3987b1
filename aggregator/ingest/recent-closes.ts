/** Which sockets of an agent were closed of late, by its own numbers: one that is told again is not told on. */
import { rememberedCloses } from './limits.ts';

export class RecentCloses {
  /** One list per message, oldest first. */
  #messages: (readonly number[])[] = [];
  #sockets = 0;

  /** The closes of one message. An agent resends only what is within its send window, so older ones may go. */
  add(ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.#messages.push(ids);
    this.#sockets += ids.length;
    while (this.#messages.length > 1 && this.#isFull()) this.#sockets -= this.#messages.shift()!.length;
  }

  #isFull(): boolean {
    return this.#messages.length > rememberedCloses.messages || this.#sockets > rememberedCloses.sockets;
  }

  /** For another run of the aggregator. */
  save(): readonly (readonly number[])[] {
    return this.#messages;
  }

  ids(): Set<number> {
    return new Set(this.#messages.flat());
  }
}
