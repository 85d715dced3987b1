/** What doctor found out, and what it concludes: per facility whether it is there, what is lost, what fixes it. Pure. */
import type { RungReport } from '../../agent/collect/ladder.ts';
import type { EventReport } from '../../agent/events/open-events.ts';
import type { AboutDocument } from '../../model/document.ts';
import { defaultGrpcAddress } from '../../wire/protocol.ts';
import { type Capability, hasCapability } from './capabilities.ts';

/** What was read of this host and of the server. */
export interface Findings {
  readonly kernel: string;
  readonly uid: number;
  /** null = /proc did not tell. */
  readonly effectiveCapabilities: bigint | null;
  /** Processes seen, and those of them whose file descriptors could not be read. */
  readonly processes: number;
  readonly closedProcesses: number;
  /** null = /proc is not a mount of its own. */
  readonly hidepid: string | null;
  /** Ways of reading sockets, best first; empty when none could be tried. */
  readonly rungs: readonly RungReport[];
  /** Ways of hearing of connections between scans, best first. */
  readonly events: readonly EventReport[];
  /** null = the scan failed, with why. */
  readonly scan: {
    /** Name of the rung that made it. */
    readonly collector: string;
    readonly sockets: number;
    readonly namespaces: number;
    readonly cannotSee: readonly string[];
  } | null;
  readonly scanProblem: string | null;
  /** null = works. */
  readonly koffiProblem: string | null;
  readonly rtnetlinkProblem: string | null;
  readonly server: string;
  readonly insecure: boolean;
  /** What it says of itself; null = no answer. */
  readonly about: AboutDocument | null;
  readonly serverProblem: string | null;
}

export interface Check {
  readonly check: string;
  readonly state: 'ok' | 'lacking';
  readonly detail: string;
  /** What goes without it; null when nothing does. */
  readonly lost: string | null;
  /** A command, or what to change. */
  readonly fix: string | null;
}

/** @param programName what a person types to run this program */
export function conclude(findings: Findings, programName: string): Check[] {
  return [
    ok('kernel', findings.kernel),
    ok('user', findings.uid === 0 ? 'root' : `uid ${findings.uid}`),
    ...needed.map((capability) => capabilityCheck(findings, capability, programName)),
    descriptorCheck(findings, programName),
    hidepidCheck(findings),
    ...findings.rungs.map(rungCheck),
    scanCheck(findings),
    ...findings.events.map(eventCheck),
    facility(
      'koffi',
      findings.koffiProblem,
      'a quarter of the speed of scans, and the networks of host-local bridges',
      'npm ci --omit=dev',
    ),
    facility(
      'rtnetlink',
      findings.rtnetlinkProblem,
      'the networks of host-local bridges: equal container addresses of two hosts may be taken for one',
      'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd)',
    ),
    serverCheck(findings, programName),
    ...busChecks(findings),
    insecureCheck(findings),
  ];
}

function ok(check: string, detail: string): Check {
  return { check, state: 'ok', detail, lost: null, fix: null };
}

function lacking(check: string, detail: string, lost: string, fix: string): Check {
  return { check, state: 'lacking', detail, lost, fix };
}

function facility(check: string, problem: string | null, lost: string, fix: string): Check {
  return problem === null ? ok(check, 'works') : lacking(check, problem, lost, fix);
}

function capabilityCheck(findings: Findings, capability: Capability, programName: string): Check {
  const set = findings.effectiveCapabilities;
  if (set !== null && hasCapability(set, capability)) return ok(capability, 'there');
  const detail = set === null ? 'unknown: /proc/self/status cannot be read' : 'not there';
  return lacking(
    capability,
    detail,
    "the owners of other users' sockets",
    privilegeFix(findings, programName),
  );
}

/**
 * Root that lacks something is inside a container or a sandbox, where sudo gives nothing; who has the capabilities and
 * is refused all the same has met something that no privilege of the agent opens.
 */
function privilegeFix(findings: Findings, programName: string): string {
  const { uid, effectiveCapabilities: set } = findings;
  if (set !== null && needed.every((capability) => hasCapability(set, capability))) {
    return 'none for the agent, which has what it takes: look for a security module, or the edge of a sandbox';
  }
  if (uid !== 0) return `sudo ${programName} doctor`;
  return 'run it outside of the container, or give that CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH';
}

/** What it takes to read the descriptors of other users' processes. */
const needed: readonly Capability[] = ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'];

function descriptorCheck(findings: Findings, programName: string): Check {
  const { processes, closedProcesses } = findings;
  const name = 'file descriptors of others';
  if (closedProcesses === 0) return ok(name, `readable, ${processes} processes`);
  const detail = `closed to this user for ${closedProcesses} of ${processes} processes`;
  return lacking(name, detail, 'the processes behind their sockets', privilegeFix(findings, programName));
}

function hidepidCheck({ hidepid, uid }: Findings): Check {
  if (hidepid === null || hidepid === '0' || hidepid === 'off') return ok('hidepid', 'off');
  if (uid === 0) return ok('hidepid', `${hidepid}, which does not bind root`);
  return lacking('hidepid', hidepid, 'every process of other users', 'sudo mount -o remount,hidepid=0 /proc');
}

function rungCheck({ name, problem, lost, fix }: RungReport): Check {
  return facility(`collector ${name}`, problem, lost, fix);
}

function eventCheck({ name, problem, lost, fix }: EventReport): Check {
  return facility(`events ${name}`, problem, lost, fix);
}

function scanCheck({ scan, scanProblem }: Findings): Check {
  if (scan === null)
    return lacking('sockets', scanProblem ?? 'no scan', 'everything', 'mount -t proc proc /proc');
  const place = `${scan.namespaces} network namespace${scan.namespaces === 1 ? '' : 's'}`;
  const detail = `${scan.sockets} in ${place}, by ${scan.collector}`;
  if (scan.cannotSee.length === 0) return ok('sockets', detail);
  // Each of the sentences ends with what to do.
  return { check: 'sockets', state: 'lacking', detail, lost: scan.cannotSee.join(' '), fix: null };
}

function serverCheck(findings: Findings, programName: string): Check {
  const { server, about, serverProblem } = findings;
  if (about !== null) return ok('server', `${server} answers, version ${about.version}`);
  const fix =
    server === defaultGrpcAddress
      ? `${programName} up`
      : 'start an aggregator there, or name another with --server';
  return lacking('server', serverProblem ?? 'no answer', 'every answer about the fleet', fix);
}

/** Nothing to say of an aggregator that publishes nowhere. */
function busChecks({ about }: Findings): Check[] {
  if (about === null || about.bus.name === 'in-process') return [];
  const { name, state, error, published, lost } = about.bus;
  if (state === 'connected' && lost === 0) return [ok(name, `connected, ${published} events published`)];
  const detail =
    state === 'connected' ? `connected, ${lost} events lost` : `disconnected: ${error ?? 'no reason'}`;
  return [
    lacking(
      name,
      detail,
      `what others learn through ${name}; answers are whole`,
      'see the log of the aggregator',
    ),
  ];
}

function insecureCheck({ insecure, about }: Findings): Check {
  if (!insecure && about?.insecure !== true) return ok('insecure', 'not in use');
  const lost = 'confidentiality: whoever is on the way reads and forges';
  return lacking(
    'insecure',
    'in use: plaintext without authorisation',
    lost,
    'leave out --insecure, and use loopback',
  );
}
