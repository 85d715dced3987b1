/**
 * A storm of processes that take over each other's pids while collectors look: see programs/pid-storm.pl. Every owner
 * that is told has to be the process that opened the socket; who that was, the processes wrote down themselves.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { RungName } from '../../../agent/collect/source.ts';
import { type Inhabitant, Place, type Scanner, type ScanThere } from './place.ts';

const stormProgram = fileURLToPath(new URL('../programs/pid-storm.pl', import.meta.url));

/** How many processes run at a time. */
const alive = 30;

/** The smallest that the kernel takes is 301. */
const pidMax = 400;

/** From this kernel on each pid namespace has a limit of its own; before, it is that of the whole machine. */
const ownPidMaxSince = [6, 14] as const;

/** The port on which the place's holder of root accepts. */
export const serverPort = 18080;

/** The log is on a file system of the place's own, seen through its first process. */
const logPath = '/mnt/storm.log';

export interface Truth {
  readonly pid: number;
  readonly name: string;
}

export class PidStorm {
  readonly #place: Place;
  readonly #program: Inhabitant;

  private constructor(place: Place, program: Inhabitant) {
    this.#place = place;
    this.#program = program;
  }

  /** Returns when as many processes run as will. */
  static async start(place: Place): Promise<PidStorm> {
    const limit = hasOwnPidMax() ? [String(pidMax)] : [];
    const argv = ['perl', stormProgram, logPath, String(alive), String(serverPort), ...limit];
    const program = place.start(argv);
    if ((await program.line()) !== 'up') throw new Error('the storm did not rise');
    return new PidStorm(place, program);
  }

  /** How many there were so far, about: each has written some four lines. */
  processes(): number {
    return this.#readLog().split('\n').length / 5;
  }

  /** Ends it. */
  async end(): Promise<StormLog> {
    this.#program.endInput();
    const processes = Number(await this.#program.line());
    return new StormLog(processes, this.#readLog());
  }

  #readLog(): string {
    return readFileSync(`/proc/${this.#place.namespace.pid}/root${logPath}`, 'latin1');
  }
}

/** What the processes of a storm wrote down. */
export class StormLog {
  /** How many there were. */
  readonly processes: number;
  /** How many pids they shared. */
  readonly pids: number;
  /** By inode, and by `:PORT` of the client's end of a connection. */
  readonly #bySocket = new Map<string, Truth[]>();

  constructor(processes: number, text: string) {
    this.processes = processes;
    const pids = new Set<number>();
    for (const line of text.trimEnd().split('\n')) {
      const [socket, pid, name] = line.split(' ') as [string, string, string];
      const truths = this.#bySocket.get(socket) ?? [];
      this.#bySocket.set(socket, truths);
      truths.push({ pid: Number(pid), name });
      pids.add(Number(pid));
    }
    this.pids = pids.size;
  }

  /** Who held the socket at one time or another, and under which name; empty when it is none of the storm's. */
  holders(socket: string): readonly Truth[] {
    return this.#bySocket.get(socket) ?? [];
  }
}

/** What is wrong with owners that collectors have told. */
export interface Verdict {
  /** How many were told of sockets of the storm, each once. */
  readonly judged: number;
  /** In words. */
  readonly wrong: readonly string[];
}

/** @param owners `INODE PID NAME PORT`, or with `:PORT` for the inode where that is not told */
export function judge(owners: readonly string[], log: StormLog, place: Place): Verdict {
  const wrong: string[] = [];
  let judged = 0;
  for (const line of owners) {
    const [socket, pid, name, port] = line.split(' ') as [string, string, string, string];
    const truths = log.holders(socket);
    if (truths.length > 0) {
      judged++;
      if (!truths.some((truth) => truth.pid === Number(pid) && truth.name === name)) {
        const holders = truths.map((truth) => `${truth.name}[${truth.pid}]`).join(', ');
        wrong.push(`socket ${socket}, port ${port}: told ${name}[${pid}], held by ${holders}`);
      }
    } else if (place.holder(Number(pid)) === null) {
      wrong.push(`socket ${socket}, port ${port}: told ${name}[${pid}], who opened nothing`);
    }
  }
  return { judged, wrong };
}

type StormScans = Pick<ScanThere, 'collector' | 'scans' | 'owners'>;

/** What one way of reading sockets told during a storm. */
export interface RungVerdict extends Verdict {
  readonly collector: string;
  readonly scans: number;
}

export interface StormReport {
  /** How many there were, and how many pids they shared. */
  readonly processes: number;
  readonly pids: number;
  readonly rungs: readonly RungVerdict[];
}

/** How long a scanner scans before it tells. */
const spellMs = 1000;

/** A machine that is busy with other things gets so many times as long for a storm. */
const patience = 6;

/** What a scanner told in a storm of `stormMs`, and longer while that were fewer than `ownersMin` owners. */
async function scanThrough(scanner: Scanner, stormMs: number, ownersMin: number): Promise<StormScans> {
  const owners = new Set<string>();
  const startedMs = performance.now();
  for (let scans = 0; ; ) {
    const spell = await scanner.scanFor(Math.min(spellMs, stormMs));
    scans += spell.scans;
    for (const owner of spell.owners) owners.add(owner);
    const passedMs = performance.now() - startedMs;
    const isEnough = owners.size >= ownersMin || passedMs >= patience * stormMs;
    if (passedMs >= stormMs && isEnough) return { collector: spell.collector, scans, owners: [...owners] };
  }
}

/**
 * Lets a storm go over collectors that scan without a pause, side by side.
 *
 * @param ownersMin goes on until each of them told so many, for a while
 */
export async function weatherStorm(
  rungs: readonly RungName[],
  stormMs: number,
  ownersMin = 0,
): Promise<StormReport> {
  const place = await Place.open();
  try {
    const scanners = rungs.map((rung) => place.scanner(rung));
    await Promise.all(scanners.map((scanner) => scanner.scan()));
    const storm = await PidStorm.start(place);
    const scans = await Promise.all(scanners.map((scanner) => scanThrough(scanner, stormMs, ownersMin)));
    const log = await storm.end();
    return {
      processes: log.processes,
      pids: log.pids,
      rungs: scans.map(({ collector, scans: made, owners }) => ({
        collector,
        scans: made,
        ...judge(owners, log, place),
      })),
    };
  } finally {
    await place.close();
  }
}

function hasOwnPidMax(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > ownPidMaxSince[0] || (major === ownPidMaxSince[0] && minor >= ownPidMaxSince[1]);
}
