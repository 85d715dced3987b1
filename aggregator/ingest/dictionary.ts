/** The dictionaries of one stream, as its agent defines them: what the ids in rows stand for. */
import type { IpAddress } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';
import type { AgentBatch } from '../../wire/agent-batch.ts';
import {
  addressDefinitionsMax,
  netnsDefinitionsMax,
  processDefinitionsMax,
} from '../../wire/agent-limits.ts';
import { WireError } from '../../wire/wire-error.ts';

export class StreamDictionary {
  readonly #processes = new Map<number, Process>();
  readonly #netns = new Map<number, Netns>();
  readonly #addresses = new Map<number, IpAddress>();

  /** Takes the definitions of a message, before its rows. Throws WireError too-many. */
  define(batch: AgentBatch): void {
    for (const { id, process } of batch.processes) this.#processes.set(id, process);
    for (const { id, netns } of batch.netns) this.#netns.set(id, netns);
    for (const { id, ip } of batch.addresses) this.#addresses.set(id, ip);
    checkSize('processes', this.#processes.size, processDefinitionsMax);
    checkSize('netns', this.#netns.size, netnsDefinitionsMax);
    checkSize('addresses', this.#addresses.size, addressDefinitionsMax);
  }

  /** Drops what a message says is no longer used, after its rows. */
  drop(batch: AgentBatch): void {
    for (const id of Array.from(batch.droppedProcesses)) this.#processes.delete(id);
    for (const id of Array.from(batch.droppedNetns)) this.#netns.delete(id);
  }

  /** The namespaces that the agent has now. */
  allNetns(): Iterable<Netns> {
    return this.#netns.values();
  }

  /** Throws WireError unknown-id, as do the two below. */
  process(id: number): Process {
    return this.#processes.get(id) ?? unknown('process', id);
  }

  netns(id: number): Netns {
    return this.#netns.get(id) ?? unknown('netns', id);
  }

  address(id: number): IpAddress {
    return this.#addresses.get(id) ?? unknown('address', id);
  }
}

function unknown(kind: string, id: number): never {
  throw new WireError('unknown-id', `${kind} ${id} was never defined on this stream`);
}

function checkSize(kind: string, size: number, max: number): void {
  if (size > max) throw new WireError('too-many', `more than ${max} ${kind} are defined on this stream`);
}
