/**
 * The sockets that no process holds: what a walk over fds cannot see.
 *
 *     passing   SYN_RECV, and what a process has let go of: FIN_WAIT ... TIME_WAIT. Looked for whenever the kernel's
 *               counters say that there are any, by a walk over its table of connections, unless it would show what the last
 *               one did (walk-rest.ts); and in every scan by sock_diag
 *               where the walk does not go: in namespaces that have a table of their own, and before Linux 6.2.
 *     lasting   the accept queue, sockets of the kernel's own (NFS, WireGuard), sockets on their way to another process.
 *               Only a dump of everything shows them all, so they are looked for now and then and believed until the
 *               next; except that an accept queue is looked for whenever a listener says that it has one, and that what
 *               has an inode is asked after in each scan: it may be received, or closed unread.
 */
import type { Owner } from '../../model/process.ts';
import { hasSameTuple, type OwnedSocket, type SocketRow } from '../../model/socket.ts';
import { type SocketState, stateNumber } from '../../model/socket-state.ts';
import type { ConnectionWalk } from '../bpf/connection-walk.ts';
import { everyState, stateMask } from '../netlink/inet-diag.ts';
import type { DiagQuery } from '../netlink/sock-diag.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { type AllDiagTables, type DiagTables, everySocket, type TablesQuery } from './diag-tables.ts';
import type { TaskNamespaces } from './task-namespaces.ts';
import { WalkRest, type WalkSigns } from './walk-rest.ts';
import { WalkedSockets } from './walked-sockets.ts';

/** From one dump of everything to the next, at least; and as a multiple of the time that it took: the kernel's part grows with the host. */
export const fullDumpIntervalMs = 30_000;
const fullDumpPause = 300;

/**
 * After how many sockets without an owner is asked one by one in a scan, and after how many that have just lost theirs. The
 * others are believed, or not seen, until the next dump.
 */
export const confirmationsMax = 256;

const passingStates: ReadonlySet<SocketState> = new Set<SocketState>([
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'last-ack',
  'closing',
]);

/** TCP_NEW_SYN_RECV, the state of a request before the handshake ends, shares its word with SYN_RECV. */
const newSynRecv = 12;

const passing: readonly DiagQuery[] = [
  { protocol: 'tcp', states: stateMask([...[...passingStates].map(stateNumber), newSynRecv]) },
];

/** Everything but listeners, which shows accept queues where the walk does not go. */
const connecting: readonly DiagQuery[] = [{ protocol: 'tcp', states: everyState & ~stateMask([10]) }];

const unestablished = everyState & ~stateMask([1]);

const noOwners: readonly Owner[] = [];

type Tables = Pick<DiagTables, 'read' | 'confirm' | 'close' | 'tables'>;
/** Changes of state in those namespaces since some time; null where they are not told. */
type ChangeCount = (namespaces: Iterable<number>) => number | null;

type Walk = Pick<ConnectionWalk, 'run' | 'close'>;

/** The sockets that processes hold, as far as this file asks. */
export interface Held {
  /** Those whose rows are not those of the last scan. */
  readonly fresh: readonly SocketRow[];
  /** Those that the scan before showed, and the last one did not. */
  readonly released: readonly OwnedSocket[];
  holds(inode: number): boolean;
}

/** What the kernel's counters say, so that nothing is looked for that is not there. */
export interface OwnerlessSigns {
  /** Something is in TIME_WAIT, has no file any more, or has not got one yet. */
  readonly isPassing: boolean;
  /** A listener has connections to accept. */
  readonly hasAcceptQueue: boolean;
  /** Another number where the kernel counts more or fewer of either; null where it cannot tell. */
  readonly counts: bigint | null;
}

export interface OwnerlessQuestion {
  readonly namespaces: TaskNamespaces;
  readonly signs: OwnerlessSigns;
  /** Whether a process held the socket at the last scan: what it let go of since is asked for one by one. */
  readonly isHeld: (inode: number) => boolean;
  /** Whether processes are known to hold every connection of a namespace that is established: a dump leaves them out. */
  readonly holdsEstablished?: (netns: number) => boolean;
  /** On a monotonic clock. */
  readonly nowMs: number;
}

/** What a walk showed of the namespaces that share a table, and how many it had no room for. */
interface Connections {
  readonly rows: readonly OwnedSocket[];
  readonly missed: number;
}

const noConnections: Connections = { rows: [], missed: 0 };

/** What one reading was about. */
type Reading = 'everything' | 'nothing' | 'passing' | 'passing and accept queues';

/** What was read of sock_diag or /proc, and what could not be seen: in this scan, or by the last dump of everything. */
export interface OwnerlessTables extends Omit<AllDiagTables, 'scanned'> {
  /** Sockets that the walk had no room for. */
  readonly missedConnections: number;
}

export class OwnerlessSockets {
  readonly #tables: Tables;
  readonly #walk: Walk;
  readonly #walked = new WalkedSockets();
  readonly #rest = new WalkRest();
  readonly #changeCount: ChangeCount;
  #reading: Reading = 'everything';
  /** What the last walk showed, and whether this scan does without one. */
  #connections: Connections = noConnections;
  #isBelieved = false;
  #rows: readonly OwnedSocket[] = [];
  #lasting: readonly OwnedSocket[] = [];
  #nextFullAtMs = Number.NEGATIVE_INFINITY;
  #entrances: TaskNamespaces['entrances'] = new Map();
  /** What the last dump of everything could not see. */
  #blindness: Pick<AllDiagTables, 'closed' | 'closedEntries'> = { closed: 0, closedEntries: null };

  /** @param changeCount as that of ScanExtent; default: nobody tells */
  constructor(tables: Tables, walk: Walk, changeCount: ChangeCount = () => null) {
    this.#tables = tables;
    this.#walk = walk;
    this.#changeCount = changeCount;
  }

  get tables(): DiagTables['tables'] {
    return this.#tables.tables;
  }

  /** To be called before the fds are walked, so that a socket which lives through the scan has its owners in it. */
  async read(question: OwnerlessQuestion, slice: TimeSlice): Promise<OwnerlessTables> {
    const { namespaces, nowMs } = question;
    this.#entrances = namespaces.entrances;
    this.#isBelieved = false;
    const changes = this.#changeCount(namespaces.sharing);
    this.#rest.look(changes);
    if (nowMs >= this.#nextFullAtMs) return this.#readEverything(question, slice);
    return this.#readPassing(question, changes, slice);
  }

  /** To be called after the scan, with the signs of that time: looks for what there was no sign of before. */
  async readAgain(question: OwnerlessQuestion, slice: TimeSlice): Promise<void> {
    this.#entrances = question.namespaces.entrances;
    const { isPassing, hasAcceptQueue } = question.signs;
    const changes = this.#isBelieved ? this.#changeCount(question.namespaces.sharing) : null;
    const isOther = this.#isBelieved && !this.#rest.isAsWalked(signsOf(question, changes), question.nowMs);
    const isNew =
      (this.#reading === 'nothing' && isPassing) ||
      (hasAcceptQueue && (this.#reading === 'nothing' || this.#reading === 'passing'));
    if (isNew || isOther) await this.#readPassing(question, changes, slice);
  }

  async #readPassing(
    question: OwnerlessQuestion,
    changes: number | null,
    slice: TimeSlice,
  ): Promise<OwnerlessTables> {
    const { namespaces, signs } = question;
    const { isPassing, hasAcceptQueue } = signs;
    const isSign = isPassing || hasAcceptQueue;
    const walked = isSign ? await this.#walkOver(question, changes) : noConnections;
    this.#reading = readingOf(signs);
    const isWalked = (netns: number): boolean => walked !== null && namespaces.sharing.has(netns);
    const others = new Map([...namespaces.entrances].filter(([netns]) => !isWalked(netns)));
    const tables = await this.#tables.read(others, slice, hasAcceptQueue ? connecting : passing);
    const { rows, missed } = walked ?? noConnections;
    this.#rows = rows.concat(tables.read.flatMap((table) => table.parts().flat()));
    return { ...tables, ...this.#blindness, missedConnections: missed };
  }

  /** Null where the table is too small to be walked. */
  async #walkOver(question: OwnerlessQuestion, changes: number | null): Promise<Connections | null> {
    const { namespaces, nowMs } = question;
    const signs = signsOf(question, changes);
    this.#isBelieved = this.#rest.isAsWalked(signs, nowMs);
    if (this.#isBelieved) return this.#connections;
    this.#rest.forget();
    const found = await this.#walk.run(signs.isThorough);
    if (found === null) return null;
    const rows = this.#walked.read(found.records, (netns) => namespaces.sharing.has(netns));
    this.#connections = { rows, missed: found.missedRecords };
    this.#rest.walked(signs, rows, nowMs);
    return this.#connections;
  }

  async #readEverything(
    { namespaces: { entrances, sharing }, isHeld, holdsEstablished, nowMs }: OwnerlessQuestion,
    slice: TimeSlice,
  ): Promise<OwnerlessTables> {
    const startedAtMs = performance.now();
    this.#reading = 'everything';
    const isHeldIn = (netns: number): boolean => holdsEstablished?.(netns) === true;
    const others = everySocket.map((query): TablesQuery => {
      if (query.protocol !== 'tcp') return { ...query, isKnown: isHeld };
      return {
        ...query,
        isKnown: isHeld,
        statesIn: (netns) => (isHeldIn(netns) ? unestablished : everyState),
      };
    });
    const tables = await this.#tables.read(entrances, slice, others);
    this.#blindness = { closed: tables.closed, closedEntries: tables.closedEntries };
    // Of a namespace that is closed to the agent, the walk shows what passes and what waits to be accepted.
    const isLeft = (netns: number): boolean => sharing.has(netns) && !tables.scanned.has(netns);
    const found = [...sharing].some(isLeft) ? await this.#walk.run(true) : null;
    const walked = found === null ? [] : this.#walked.read(found.records, isLeft);
    this.#rows = walked.concat(tables.read.flatMap((table) => table.parts().flat()));
    const tookMs = performance.now() - startedAtMs;
    this.#nextFullAtMs = nowMs + Math.max(fullDumpIntervalMs, tookMs * fullDumpPause);
    return { ...tables, missedConnections: found?.missedRecords ?? 0 };
  }

  /**
   * Those that no process turned out to hold. To be called after every scan: a connection that is accepted is fresh once.
   */
  besides(held: Held): readonly OwnedSocket[] {
    const isHeld = ({ inode }: OwnedSocket): boolean => inode !== 0 && held.holds(inode);
    const rows = this.#rows.filter((row) => !isHeld(row));
    if (this.#reading === 'everything') {
      const ownerless = this.#confirmed(withoutTuplesOf(rows, held.fresh), () => true);
      const released = this.#stillThere(held, ownerless);
      this.#lasting = ownerless.filter((row) => !isPassingRow(row)).concat(released);
      return ownerless.concat(released);
    }
    const isLeft = (row: OwnedSocket): boolean =>
      this.#reading !== 'passing and accept queues' || row.inode !== 0;
    const lasting = this.#lasting.filter((row) => !isHeld(row) && isLeft(row));
    const candidates = withoutTuplesOf(withoutTuplesOf(lasting, rows), held.fresh);
    // What waited to be accepted, and of which nothing tells any more, has most likely been.
    const believed = this.#confirmed(candidates, ({ inode }) => inode !== 0);
    // What is open and has an inode was opened or closed since the fds were walked; if not, it is among the lasting ones.
    const wanted = rows.filter((row) => row.inode === 0 || isPassingRow(row));
    const passed = withoutTuplesOf(wanted, held.fresh);
    this.#lasting = believed.concat(this.#stillThere(held, passed.concat(believed)));
    return passed.concat(this.#lasting);
  }

  /**
   * Connections that a process held before this scan and none holds now, and that go on with their inode: on their way to
   * another process, or MPTCP, which says goodbye to its peer before its subflows close.
   */
  #stillThere(held: Held, known: readonly OwnedSocket[]): OwnedSocket[] {
    const left = held.released.filter(({ protocol, remote, inode }) => {
      return protocol === 'tcp' && remote.port !== 0 && !held.holds(inode);
    });
    if (left.length === 0) return [];
    const asked = withoutTuplesOf(left, known).slice(0, confirmationsMax);
    return this.#tables.confirm(asked, this.#entrances).map((row) => ({ ...row, owners: noOwners }));
  }

  /**
   * The same without what was closed on its way to a process, or with it before its fds were walked, and without what
   * was accepted since and is over already.
   *
   * @param isBelieved of those that there are too many to ask about
   */
  #confirmed(
    rows: readonly OwnedSocket[],
    isBelieved: (row: OwnedSocket) => boolean,
  ): readonly OwnedSocket[] {
    const isDoubtful = (row: OwnedSocket): boolean =>
      row.inode !== 0 || (isConnection(row) && !isPassingRow(row));
    const doubtful = rows.filter(isDoubtful);
    if (doubtful.length === 0) return rows;
    const confirmed = this.#tables.confirm(doubtful.slice(0, confirmationsMax), this.#entrances);
    const left = new Set(doubtful.slice(confirmationsMax).filter(isBelieved));
    return rows.filter((row) => !isDoubtful(row) || left.has(row)).concat(confirmed);
  }

  /** Idempotent. */
  close(): void {
    this.#tables.close();
    this.#walk.close();
  }
}

function signsOf(
  { namespaces: { sharing }, signs: { counts, hasAcceptQueue } }: OwnerlessQuestion,
  changes: number | null,
): WalkSigns {
  return { changes, counts, isThorough: hasAcceptQueue, sharing };
}

function readingOf({ isPassing, hasAcceptQueue }: OwnerlessSigns): Reading {
  if (hasAcceptQueue) return 'passing and accept queues';
  return isPassing ? 'passing' : 'nothing';
}

function isPassingRow({ protocol, state }: SocketRow): boolean {
  return protocol === 'tcp' && passingStates.has(state);
}

/** A connection that was accepted, or whose tuple is in use again, goes by what holds it now. */
function withoutTuplesOf(rows: readonly OwnedSocket[], others: readonly SocketRow[]): readonly OwnedSocket[] {
  if (rows.length === 0 || others.length === 0) return rows;
  const byPorts = new Map<number, SocketRow[]>();
  for (const other of others) {
    const same = byPorts.get(portsOf(other));
    if (same === undefined) byPorts.set(portsOf(other), [other]);
    else same.push(other);
  }
  const isSuperseded = (row: OwnedSocket): boolean =>
    isConnection(row) && (byPorts.get(portsOf(row))?.some((other) => hasSameTuple(row, other)) ?? false);
  return rows.filter((row) => !isSuperseded(row));
}

/** Tuples of other sockets may repeat. */
function isConnection({ protocol, state }: SocketRow): boolean {
  return protocol === 'tcp' && state !== 'listen';
}

function portsOf({ local, remote }: SocketRow): number {
  return local.port * 0x10000 + remote.port;
}
