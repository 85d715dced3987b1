/** All calls between agents and the aggregator, and the links that they go over. */
import type { Connect } from '../../agent/export/connection.ts';
import type { Chance } from '../engine/chance.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { SimulatedAggregator } from '../machines/simulated-aggregator.ts';
import type { SimulatedProcess } from '../machines/simulated-process.ts';
import { Link, type LinkTraits } from './link.ts';
import { type CallWitness, SimulatedCall } from './simulated-call.ts';

/** After so long at most each end of a dead connection has noticed: keepalive of 30 s, and 20 s for its answer. */
const keepaliveMs = 50_000;

export interface NetworkParts {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly aggregator: SimulatedAggregator;
  readonly witness: CallWitness;
  readonly traits: (host: number) => LinkTraits;
}

export class SimulatedNetwork {
  readonly #parts: NetworkParts;
  readonly #links = new Map<number, Link>();
  #calls: { readonly call: SimulatedCall; readonly process: SimulatedProcess }[] = [];

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  link(host: number): Link {
    const known = this.#links.get(host);
    if (known !== undefined) return known;
    const { time, chance, traits } = this.#parts;
    const link = new Link(time, chance.fork(`link ${host}`), traits(host));
    this.#links.set(host, link);
    return link;
  }

  /** Calls that are not over at both ends. */
  get calls(): readonly SimulatedCall[] {
    return this.#calls.map(({ call }) => call);
  }

  connectFrom(host: number, process: SimulatedProcess): Connect {
    return (_endpoint, listener) => {
      const { time, witness, aggregator } = this.#parts;
      const call = new SimulatedCall({
        time,
        host,
        listener,
        witness,
        link: this.link(host),
        agent: process,
        accept: () => {
          const { running } = aggregator;
          return running === null
            ? null
            : { process: running.process, serve: (carrier) => running.ingest.serve(carrier) };
        },
      });
      this.#calls = this.#calls.filter((each) => !each.call.isOver);
      this.#calls.push({ call, process });
      return call.connection;
    };
  }

  /** Something in between forgets one call of a host, or all of them. */
  breakCalls(host: number): void {
    const { chance } = this.#parts;
    for (const { call } of this.#calls) {
      if (call.host !== host) continue;
      const late = chance.happens(0.3) ? chance.between(1000, keepaliveMs) : 1;
      call.break(chance.happens(0.5) ? late : 1, chance.happens(0.5) ? late : 1);
    }
  }

  /** A process has died: its kernel resets its connections, unless the machine died as well. */
  processDied(process: SimulatedProcess, isMachineDead: boolean): void {
    const { chance } = this.#parts;
    for (const each of this.#calls) {
      if (each.process !== process) continue;
      const afterMs = isMachineDead ? chance.between(5000, keepaliveMs) : this.link(each.call.host).delayMs();
      each.call.break(0, afterMs);
    }
  }

  /** The aggregator has died. */
  aggregatorDied(): void {
    for (const { call } of this.#calls) call.break(this.link(call.host).delayMs(), 0);
  }
}
