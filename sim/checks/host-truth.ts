/** What one host's agent had to see: its scans, when nobody looked, and what its table of sockets must be after each scan. */
import type { Pipeline } from '../../agent/pipeline.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketState } from '../../model/socket-state.ts';
import type { SimulatedAgent } from '../machines/simulated-agent.ts';
import type { Look } from '../world/simulated-collector.ts';
import type { Sightings, TrueSocket } from '../world/true-socket.ts';
import type { World } from '../world/world.ts';
import { demand } from './invariants.ts';

/** A stretch of simulated time that nobody watched, or in which something may have been lost. */
export interface Cause {
  readonly fromMs: number;
  /** Null while it goes on. */
  toMs: number | null;
  readonly why: 'no agent' | 'failed look' | 'lost';
}

export class HostTruth {
  readonly causes: Cause[] = [];
  readonly #world: World;
  readonly #agent: SimulatedAgent;
  /** The look that is being applied. */
  #pending: Look | null = null;
  /** The last two that were applied in this run; newest first, only those that read the namespace. */
  #last: Look | null = null;
  #before: Look | null = null;
  /** SocketEvent.id of each socket that is watched. */
  #ids = new Map<TrueSocket, number>();
  #down: Cause | null;
  #lost = 0;
  /** Of all runs. */
  lostTotal = 0;
  /** Up to then there was a run that could not read what those before have kept; it says so, but not what is missing. */
  forgetfulUntilMs = 0;

  constructor(world: World, agent: SimulatedAgent) {
    this.#world = world;
    this.#agent = agent;
    this.#down = { fromMs: 0, toMs: null, why: 'no agent' };
    this.causes.push(this.#down);
  }

  /** The agent runs no more. */
  died(nowMs: number): void {
    this.#pending = null;
    this.#last = null;
    this.#before = null;
    this.#ids = new Map();
    this.#lost = 0;
    if (this.#down !== null) return;
    this.#down = { fromMs: nowMs, toMs: null, why: 'no agent' };
    this.causes.push(this.#down);
  }

  failedToLook(nowMs: number): void {
    this.causes.push({ fromMs: this.#last?.atMs ?? nowMs, toMs: nowMs, why: 'failed look' });
  }

  looked(look: Look): void {
    this.#pending = look;
    if (this.#down !== null) this.#down.toMs = look.atMs;
    this.#down = null;
  }

  /** The last two looks, newest first; null where there is none. */
  get looks(): readonly [Look | null, Look | null] {
    return [this.#last, this.#before];
  }

  /** So many sockets were dropped in this run so far. */
  lost(lostEvents: number, nowMs: number): void {
    if (lostEvents === this.#lost) return;
    this.lostTotal += Math.max(0, lostEvents - this.#lost);
    this.#lost = lostEvents;
    this.causes.push({ fromMs: 0, toMs: nowMs, why: 'lost' });
  }

  /** The agent has made all of the last look, and is about to look again. */
  applied(pipeline: Pipeline): void {
    const look = this.#pending;
    this.#pending = null;
    if (pipeline.keeping === null) this.forgetfulUntilMs = look?.atMs ?? this.forgetfulUntilMs;
    if (look === null) return;
    if (look.isRead) {
      const isFirst = this.#last === null;
      this.#before = this.#last;
      this.#last = look;
      for (const [socket, row] of look.shown) {
        if (!isRemains(row)) note(socket, this.#agent.run, look.atMs);
        else if (isFirst) socket.remainsInRun = this.#agent.run;
      }
    }
    this.#demandWatched(pipeline);
  }

  /** I17, of the agent's own table. */
  #demandWatched({ watch }: Pipeline): void {
    const [last, before] = [this.#last, this.#before];
    if (last === null) return;
    const ids = new Map<TrueSocket, number>();
    const who = this.#agent.host.name;
    for (const { id, socket } of watch.watched()) {
      const truth = this.truthOf(socket, last, before);
      demand(truth !== null, 'I17', () => `${who} watches ${lineOf(socket)}, which two scans have not shown`);
      demand(!ids.has(truth!), 'I3', () => `${who} watches ${lineOf(socket)} twice`);
      ids.set(truth!, id);
    }
    for (const socket of last.shown.keys()) {
      if (before?.shown.has(socket) !== true || isRemains(before.shown.get(socket)!)) continue;
      demand(
        ids.has(socket),
        'I17',
        () => `${who} does not watch ${lineOf(socket.row)}, which two scans show`,
      );
      const known = this.#ids.get(socket);
      const isSame = known === undefined || known === ids.get(socket);
      demand(isSame, 'I17', () => `${who} took ${lineOf(socket.row)} for another one between two scans`);
    }
    this.#ids = ids;
  }

  /** Which of the sockets that two looks have shown it is; null = none. */
  truthOf(row: OwnedSocket, last: Look, before: Look | null): TrueSocket | null {
    const named = namedSocket(this.#world, row);
    if (named !== null && (last.shown.has(named) || before?.shown.has(named) === true)) return named;
    // Rows in TIME_WAIT say of whom they are by their tuple alone: two that follow each other are one to whoever reads them.
    if (named !== null && row.inode !== 0) return null;
    for (const look of [last, before]) {
      for (const socket of look?.shown.keys() ?? []) if (isOfTuple(socket, row)) return socket;
    }
    return null;
  }
}

/** Whom inode or owner name; null where neither does. */
export function namedSocket(
  { ledger }: World,
  { inode, owners }: Pick<OwnedSocket, 'inode' | 'owners'>,
): TrueSocket | null {
  if (inode !== 0) return ledger.get(inode - 1_000_000) ?? null;
  const fd = owners[0]?.fds[0];
  return fd === undefined ? null : (ledger.get(fd) ?? null);
}

export function isOfTuple({ identity }: TrueSocket, { protocol, local, remote }: OwnedSocket): boolean {
  return (
    identity.local.port === local.port &&
    identity.remote.port === remote.port &&
    identity.protocol === protocol &&
    identity.local.ip === local.ip &&
    identity.remote.ip === remote.ip
  );
}

/** Whether nobody holds it any more and the kernel alone goes on with it: it does not live, and looks like what had its tuple before. */
function isRemains({ state, inode }: OwnedSocket): boolean {
  return inode === 0 && remains.has(state);
}

const remains: ReadonlySet<SocketState> = new Set<SocketState>([
  'fin-wait-1',
  'fin-wait-2',
  'closing',
  'last-ack',
  'time-wait',
]);

export function lineOf({ protocol, local, remote, inode, state }: OwnedSocket): string {
  return `${protocol} ${local.ip}:${local.port}>${remote.ip}:${remote.port} ${state} inode ${inode}`;
}

function note(socket: TrueSocket, run: number, atMs: number): void {
  const last: Sightings | undefined = socket.sightings.at(-1);
  if (last?.run === run) {
    last.shown++;
    last.lastMs = atMs;
  } else socket.sightings.push({ run, shown: 1, firstMs: atMs, lastMs: atMs });
}
