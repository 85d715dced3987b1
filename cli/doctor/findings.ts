/** What doctor read of this host and of the server; what follows from it is in conclude.ts. */
import type { RungReport } from '../../agent/collect/ladder.ts';
import type { ConntrackReport } from '../../agent/conntrack/examine-conntrack.ts';
import type { EventReport } from '../../agent/events/open-events.ts';
import type { AboutDocument } from '../../model/document.ts';

/** Whose processes and whose network doctor sees, and an agent beside it would. */
export interface Surroundings {
  /** Of the whole machine, of a container, or not the one that /proc is of. */
  readonly pidNamespace: 'machine' | 'own' | 'not of /proc';
  /** Whether the network namespace is that of the first process; null = that is closed to this user. */
  readonly isNetworkOfFirst: boolean | null;
  /** Whether 127.0.0.1 can be reached here at all. */
  readonly isLoopbackUp: boolean;
}

/** What scans of the best way that works came to. */
export interface ScanFindings {
  /** Name of the rung that made them. */
  readonly collector: string;
  readonly sockets: number;
  readonly namespaces: number;
  readonly cannotSee: readonly string[];
  /** CPU of one, when the code is warm. */
  readonly costMs: number;
}

export interface Findings {
  readonly kernel: string;
  /** Why the kernel's types are unknown; null = they are known. */
  readonly btfProblem: string | null;
  readonly uid: number;
  /** null = /proc did not tell. */
  readonly effectiveCapabilities: bigint | null;
  /** Processes seen, and those of them whose file descriptors could not be read. */
  readonly processes: number;
  readonly closedProcesses: number;
  /** null = /proc is not a mount of its own. */
  readonly hidepid: string | null;
  readonly surroundings: Surroundings;
  /** Ways of reading sockets, best first; empty when none could be tried. */
  readonly rungs: readonly RungReport[];
  /** Ways of hearing of connections between scans, best first. */
  readonly events: readonly EventReport[];
  /** null = the scan failed, with why. */
  readonly scan: ScanFindings | null;
  readonly scanProblem: string | null;
  /** null = works. */
  readonly koffiProblem: string | null;
  readonly rtnetlinkProblem: string | null;
  readonly conntrack: ConntrackReport;
  readonly server: string;
  readonly insecure: boolean;
  /** What it says of itself; null = no answer. */
  readonly about: AboutDocument | null;
  readonly serverProblem: string | null;
  /** What to do where the server is there and refuses; null = it does not, or is not. */
  readonly serverRemedy: string | null;
}

/** One facility: whether it is there, what goes without it, and how to get it. */
export interface Check {
  readonly check: string;
  readonly state: 'ok' | 'lacking';
  readonly detail: string;
  /** What goes without it; null when nothing does. */
  readonly lost: string | null;
  /** A command, or what to change. */
  readonly fix: string | null;
}

export function ok(check: string, detail: string): Check {
  return { check, state: 'ok', detail, lost: null, fix: null };
}

export function lacking(check: string, detail: string, lost: string, fix: string): Check {
  return { check, state: 'lacking', detail, lost, fix };
}

export function facility(check: string, problem: string | null, lost: string, fix: string): Check {
  return problem === null ? ok(check, 'works') : lacking(check, problem, lost, fix);
}
