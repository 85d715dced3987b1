/** Keeps keys in the core for what is made of objects: stubs stand there, which send whoever comes to the objects. */
import type { ConnectionCore } from '../core/connection-core.ts';
import type { KeyHolder } from './key-holder.ts';
import { everyMeeting, type Meeting, type Standing } from './meetings.ts';
import type { PlainHosts } from './plain-hosts.ts';
import type { PlainTuple } from './plain-tuples.ts';

/** What stands for a key that needs no stub, or found no room for one. */
const noStub = -2;
const refusedStub = -1;

export class PlainKeys implements KeyHolder {
  readonly #core: ConnectionCore;
  readonly #hosts: PlainHosts;
  readonly #tuple: PlainTuple;
  readonly #letGo: () => void;
  #refused = 0;

  /** @param letGo hands on what has left */
  constructor(core: ConnectionCore, hosts: PlainHosts, tuple: PlainTuple, letGo: () => void) {
    this.#core = core;
    this.#hosts = hosts;
    this.#tuple = tuple;
    this.#letGo = letGo;
  }

  /** Some keys found no room: objects may stand under any. */
  get isBlind(): boolean {
    return this.#refused > 0;
  }

  /** Whatever stands under that key leaves, and whoever comes is no plain half. @returns what to release */
  retain({ place }: Meeting): number {
    const { host, scope, protocol, tuple } = place;
    if (protocol !== 'tcp') return noStub;
    if (!this.#tuple.fill(tuple, this.#hosts.scopeNumber(scope, host))) return this.#refuse();
    const stub = this.#core.retainKey(this.#tuple.columns, 0);
    this.#tuple.release();
    this.#letGo();
    return stub < 0 ? this.#refuse() : stub;
  }

  release(stub: number): void {
    if (stub >= 0) this.#core.releaseKey(stub);
    else if (stub === refusedStub) this.#refused--;
  }

  /** What a half meets that is about to stand there leaves. */
  evict(standing: Standing): void {
    for (const meeting of everyMeeting(standing)) this.release(this.retain(meeting));
  }

  #refuse(): number {
    this.#refused++;
    return refusedStub;
  }
}
