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
import { dictionaryAddressesMax, dictionaryTextMax } from './limits.ts';

export class StreamDictionary {
  readonly #processes = new Weighed<Process>(lettersOf);
  readonly #netns = new Weighed<Netns>(addressesOf);
  readonly #addresses = new Map<number, IpAddress>();

  /** Takes the definitions of a message, before its rows. Throws WireError too-many. */
  define(batch: AgentBatch): void {
    for (const { id, process } of batch.processes) this.#processes.set(id, process);
    for (const { id, netns } of batch.netns) this.#netns.set(id, netns);
    for (const { id, ip } of batch.addresses) this.#addresses.set(id, ip);
    checkSize('processes', this.#processes.size, processDefinitionsMax);
    checkSize('netns', this.#netns.size, netnsDefinitionsMax);
    checkSize('addresses', this.#addresses.size, addressDefinitionsMax);
    checkSize('letters of processes', this.#processes.weight, dictionaryTextMax);
    checkSize('addresses of netns', this.#netns.weight, dictionaryAddressesMax);
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

/** A map that knows what its values weigh together. */
class Weighed<Value> extends Map<number, Value> {
  readonly #weigh: (value: Value) => number;
  weight = 0;

  constructor(weigh: (value: Value) => number) {
    super();
    this.#weigh = weigh;
  }

  override set(id: number, value: Value): this {
    this.delete(id);
    this.weight += this.#weigh(value);
    return super.set(id, value);
  }

  override delete(id: number): boolean {
    const known = this.get(id);
    if (known !== undefined) this.weight -= this.#weigh(known);
    return super.delete(id);
  }
}

function lettersOf(process: Process): number {
  const { comm, exe, cmdline, program, user, container, unit, pod } = process;
  return [comm, exe, cmdline, program, user, container, unit, pod].reduce(
    (sum, text) => sum + (text?.length ?? 0),
    0,
  );
}

function addressesOf({ addresses, localNetworks }: Netns): number {
  return addresses.length + localNetworks.length;
}

function unknown(kind: string, id: number): never {
  throw new WireError('unknown-id', `${kind} ${id} was never defined on this stream`);
}

function checkSize(kind: string, size: number, max: number): void {
  if (size > max) throw new WireError('too-many', `more than ${max} ${kind} are defined on this stream`);
}
