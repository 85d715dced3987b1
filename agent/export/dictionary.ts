/**
 * The dictionaries of one stream: processes, namespaces and IPv6 addresses stand in rows as small numbers, and each is
 * defined in the message that first uses its number. Every snapshot starts with a new Dictionary.
 */
import type { IpAddress } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';
import type { AddressDefinition, NetnsDefinition, ProcessDefinition } from '../../wire/agent-batch.ts';
import {
  addressDefinitionsMax,
  netnsDefinitionsMax,
  processDefinitionsMax,
} from '../../wire/agent-limits.ts';
import type { BoundedTable } from '../bounded-table.ts';
import { addressBytes, netnsBytes, processBytes } from './message-size.ts';

/** What a message has to define before its rows, and drop after them. */
export interface DictionaryChanges {
  readonly processes: ProcessDefinition[];
  readonly netns: NetnsDefinition[];
  readonly addresses: AddressDefinition[];
  readonly droppedProcesses: number[];
  readonly droppedNetns: number[];
}

/** The id that stands for "no owner". */
export const noProcess = 0;

/** Processes that may be defined in vain: a sweep is due at double what the last one left, and this. */
const sweepSlack = 256;

/** Dropped ids that one message carries; the rest follows with the next. */
export const dropsPerMessageMax = 4096;

interface ProcessEntry {
  readonly id: number;
  readonly key: string;
  dropped: boolean;
}

export class Dictionary {
  #changes = noChanges();
  #changeBytes = 0;
  readonly #processes = new Map<string, ProcessEntry>();
  /** Saves building the key of an object that was seen before. */
  readonly #entries = new WeakMap<Process, ProcessEntry>();
  #nextProcess = 1;
  #sweepAt = sweepSlack;
  readonly #netns = new Map<number, NetnsDefinition>();
  #nextNetns = 1;
  /** Least recently used first: when it is full, the id that rows needed longest ago is defined anew. */
  readonly #addresses = new Map<IpAddress, number>();
  #omittedOwners = 0;
  #omittedNetns = 0;
  #replacedAddresses = 0;

  /** Owners that were left out because the dictionary was full. */
  get omittedOwners(): number {
    return this.#omittedOwners;
  }

  get tables(): readonly BoundedTable[] {
    return [
      {
        name: 'told_processes',
        size: this.#processes.size,
        limit: processDefinitionsMax,
        refusedTotal: this.#omittedOwners,
      },
      {
        name: 'told_namespaces',
        size: this.#netns.size,
        limit: netnsDefinitionsMax,
        refusedTotal: this.#omittedNetns,
      },
      {
        name: 'told_addresses',
        size: this.#addresses.size,
        limit: addressDefinitionsMax,
        refusedTotal: this.#replacedAddresses,
      },
    ];
  }

  /** A process that changed by exec gets a further id: rows told before keep what they were told. */
  processId(process: Process): number {
    const known = this.#entries.get(process);
    if (known !== undefined && !known.dropped) return known.id;
    const key = contentKey(process);
    let entry = this.#processes.get(key);
    if (entry === undefined) {
      if (this.#processes.size >= processDefinitionsMax) {
        this.#omittedOwners++;
        return noProcess;
      }
      entry = { id: this.#nextProcess++, key, dropped: false };
      this.#processes.set(key, entry);
      this.#changes.processes.push({ id: entry.id, process });
      this.#changeBytes += processBytes(process);
    }
    this.#entries.set(process, entry);
    return entry.id;
  }

  get sweepDue(): boolean {
    return this.#processes.size >= this.#sweepAt;
  }

  /** Drops every process that is not among `used`. */
  sweepProcesses(used: Iterable<Process>): void {
    const kept = new Set<ProcessEntry>();
    for (const process of used) {
      const entry = this.#entries.get(process) ?? this.#processes.get(contentKey(process));
      if (entry !== undefined) kept.add(entry);
    }
    for (const entry of this.#processes.values()) {
      if (kept.has(entry)) continue;
      entry.dropped = true;
      this.#processes.delete(entry.key);
      this.#changes.droppedProcesses.push(entry.id);
    }
    this.#sweepAt = Math.min(processDefinitionsMax, 2 * this.#processes.size + sweepSlack);
  }

  /** Defines `netns`, or again when it differs from what was told. False when the dictionary is full. */
  defineNetns(netns: Netns): boolean {
    const known = this.#netns.get(netns.inode);
    if (known !== undefined && sameNetns(known.netns, netns)) return true;
    if (known === undefined && this.#netns.size >= netnsDefinitionsMax) {
      this.#omittedNetns++;
      return false;
    }
    const definition = { id: known?.id ?? this.#nextNetns++, netns };
    this.#netns.set(netns.inode, definition);
    this.#changes.netns.push(definition);
    this.#changeBytes += netnsBytes(netns);
    return true;
  }

  /** Null when it is not defined. */
  netnsId(inode: number): number | null {
    return this.#netns.get(inode)?.id ?? null;
  }

  definedNetns(): Iterable<number> {
    return this.#netns.keys();
  }

  dropNetns(inode: number): void {
    const known = this.#netns.get(inode);
    if (known === undefined) return;
    this.#netns.delete(inode);
    this.#changes.droppedNetns.push(known.id);
  }

  /** One message must not use more than addressDefinitionsMax addresses: its ids all have to hold at once. */
  addressId(ip: IpAddress): number {
    const known = this.#addresses.get(ip);
    if (known !== undefined) {
      this.#addresses.delete(ip);
      this.#addresses.set(ip, known);
      return known;
    }
    const id = this.#freeAddressId();
    this.#addresses.set(ip, id);
    this.#changes.addresses.push({ id, ip });
    this.#changeBytes += addressBytes;
    return id;
  }

  #freeAddressId(): number {
    if (this.#addresses.size < addressDefinitionsMax) return this.#addresses.size + 1;
    const [oldest] = this.#addresses;
    const [ip, id] = oldest!;
    this.#replacedAddresses++;
    this.#addresses.delete(ip);
    return id;
  }

  /** Hands out what came up since the last call, of the drops at most dropsPerMessageMax. */
  takeChanges(): DictionaryChanges {
    const { droppedProcesses, droppedNetns, ...definitions } = this.#changes;
    this.#changes = { ...noChanges(), droppedProcesses, droppedNetns };
    this.#changeBytes = 0;
    return {
      ...definitions,
      droppedProcesses: droppedProcesses.splice(0, dropsPerMessageMax),
      droppedNetns: droppedNetns.splice(0, dropsPerMessageMax),
    };
  }

  /** Upper bound of the bytes that takeChanges would add to a message now. */
  get changeBytes(): number {
    const { droppedProcesses, droppedNetns } = this.#changes;
    const drops = droppedProcesses.length + droppedNetns.length;
    return this.#changeBytes + 4 * Math.min(drops, 2 * dropsPerMessageMax);
  }

  /** Whether a message is due for what came up, even without rows. */
  get hasChanges(): boolean {
    return Object.values(this.#changes).some((list: readonly unknown[]) => list.length > 0);
  }
}

function noChanges(): DictionaryChanges {
  return { processes: [], netns: [], addresses: [], droppedProcesses: [], droppedNetns: [] };
}

function contentKey(process: Process): string {
  return JSON.stringify([
    process.pid,
    process.startTicks,
    process.comm,
    process.exe,
    process.cmdline,
    process.program,
    process.uid,
    process.user,
    process.unit,
    process.container,
    process.runtime,
    process.containerName,
    process.pod,
    process.podName,
    process.podNamespace,
    process.workload,
  ]);
}

function sameNetns(a: Netns, b: Netns): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
