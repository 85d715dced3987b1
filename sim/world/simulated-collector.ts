/**
 * Looks at the socket table of a simulated host as an agent does: it takes some time, may miss or double a row of a table
 * that changes, may not see who holds a socket, and may fail altogether.
 */
import type { Collector, Scan } from '../../agent/collector.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { Chance } from '../engine/chance.ts';
import type { SimulatedProcess } from '../machines/simulated-process.ts';
import type { TrueSocket } from './true-socket.ts';
import type { WorldHost } from './world-host.ts';

/** How a look may go wrong: probabilities. */
export interface LookFaults {
  /** A row is missing that the scan before has shown. */
  readonly missed: number;
  readonly doubled: number;
  readonly ownerless: number;
  /** The scan fails. */
  readonly failed: number;
  /** The namespace could not be read. */
  readonly unread: number;
}

export const noLookFaults: LookFaults = { missed: 0, doubled: 0, ownerless: 0, failed: 0, unread: 0 };

/** What a scan has shown, for those who hold answers against the truth. */
export interface Look {
  /** Simulated milliseconds. */
  readonly atMs: number;
  /** With a row of each. */
  readonly shown: ReadonlyMap<TrueSocket, OwnedSocket>;
  /** Whether the namespace was read. */
  readonly isRead: boolean;
}

export interface CollectorParts {
  readonly process: SimulatedProcess;
  readonly chance: Chance;
  readonly faults: () => LookFaults;
  readonly simulatedMs: () => number;
  /** The scan before is applied, and another one begins. */
  readonly begins: () => void;
  readonly looked: (look: Look) => void;
  readonly failed: () => void;
}

export class SimulatedCollector implements Collector {
  readonly name = 'simulated';
  readonly #host: WorldHost;
  readonly #parts: CollectorParts;
  /** Those that the last look missed: none is missed twice in a row. */
  #missed: ReadonlySet<TrueSocket> = new Set();

  /** What the first look of an agent misses is open anew with the second. */
  #isFirst = true;

  constructor(host: WorldHost, parts: CollectorParts) {
    this.#host = host;
    this.#parts = parts;
  }

  scan(): Promise<Scan> {
    const { process, chance, begins, failed, faults } = this.#parts;
    begins();
    const startedAtMs = process.clock.nowMs();
    return new Promise((resolve, reject) => {
      process.after(chance.skewed(0.2, 20), () => {
        if (chance.happens(faults().failed)) {
          failed();
          reject(new Error('the table cannot be read'));
        } else resolve(this.#look(startedAtMs));
      });
    });
  }

  close(): void {}

  #look(startedAtMs: number): Scan {
    const { process, chance, simulatedMs, looked } = this.#parts;
    const faults = this.#isFirst ? { ...this.#parts.faults(), missed: 0, unread: 0 } : this.#parts.faults();
    this.#isFirst = false;
    const isRead = !chance.happens(faults.unread);
    const shown = new Map<TrueSocket, OwnedSocket>();
    const missed = new Set<TrueSocket>();
    const sockets: OwnedSocket[] = [];
    for (const socket of isRead ? this.#host.sockets : []) {
      if (!this.#missed.has(socket) && chance.happens(faults.missed)) {
        missed.add(socket);
        continue;
      }
      const row = this.#rowOf(socket, faults);
      shown.set(socket, row);
      sockets.push(row);
      if (chance.happens(faults.doubled)) sockets.push(this.#rowOf(socket, faults));
    }
    if (isRead) this.#missed = missed;
    looked({ atMs: simulatedMs(), shown, isRead });
    const { netns } = this.#host;
    return {
      startedAtMs,
      finishedAtMs: Math.max(startedAtMs, process.clock.nowMs()),
      sockets,
      netns: [netns],
      scannedNetns: new Set(isRead ? [netns.inode] : []),
      malformed: [],
      malformedTotal: 0,
      cannotSee: [],
    };
  }

  #rowOf(socket: TrueSocket, faults: LookFaults): OwnedSocket {
    const { row } = socket;
    const isOwnerless = row.owners.length > 0 && this.#parts.chance.happens(faults.ownerless);
    const isNamed = row.inode !== 0 || (row.owners.length > 0 && !isOwnerless);
    if (isNamed) socket.isNamed = true;
    return isOwnerless ? { ...row, owners: [] } : row;
  }
}
