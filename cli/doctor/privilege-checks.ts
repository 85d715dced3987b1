/** Which privileges are there, and what is closed without them. Pure. */
import { type Capability, hasCapability, usedCapabilities } from './capabilities.ts';
import { type Check, type Findings, lacking, ok } from './findings.ts';

export function privilegeChecks(findings: Findings, programName: string): Check[] {
  return [
    ok('user', findings.uid === 0 ? 'root' : `uid ${findings.uid}`),
    capabilityCheck(findings, programName),
    processCheck(findings, programName),
    hidepidCheck(findings),
  ];
}

function capabilityCheck(findings: Findings, programName: string): Check {
  const check = 'capabilities';
  const fix = privilegeFix(findings, programName);
  if (findings.effectiveCapabilities === null) {
    return lacking(check, 'unknown: /proc/self/status cannot be read', ownersLost, fix);
  }
  const missing = usedCapabilities.filter((capability) => !isThere(findings, capability));
  const held = usedCapabilities.filter((capability) => !missing.includes(capability)).join(', ');
  if (missing.length === 0) return ok(check, held);
  const losses = new Set(missing.map((capability) => lossOf(capability, findings)));
  losses.delete(null);
  const without = `not ${missing.join(', ')}`;
  if (losses.size === 0) return ok(check, `${held}; ${without}, which eBPF does without`);
  return lacking(check, held === '' ? without : `${without}; there are ${held}`, [...losses].join('; '), fix);
}

/** CAP_SYS_ADMIN stands for the two that eBPF takes. */
function isThere({ effectiveCapabilities: set }: Findings, capability: Capability): boolean {
  if (set === null) return false;
  const isOfBpf = capability === 'CAP_BPF' || capability === 'CAP_PERFMON';
  return hasCapability(set, capability) || (isOfBpf && hasCapability(set, 'CAP_SYS_ADMIN'));
}

function lossOf(capability: Capability, findings: Findings): string | null {
  switch (capability) {
    case 'CAP_BPF':
    case 'CAP_PERFMON':
      return 'eBPF: the scans that cost least, and the connections between two of them';
    case 'CAP_SYS_PTRACE':
    case 'CAP_DAC_READ_SEARCH':
      return othersLost(findings);
    case 'CAP_SYS_ADMIN':
      return 'the fast way into other network namespaces';
  }
}

const ownersLost = "the processes behind other users' sockets";

/** eBPF shows who holds a socket whatever is closed in /proc; what else it shows, its own words tell. */
function othersLost({ scan }: Findings): string | null {
  if (!isByEbpf(scan)) return ownersLost;
  const isDetailLost = scan?.cannotSee.some((sentence) => sentence.startsWith('The executables'));
  return isDetailLost === true ? "the executables and command lines of other users' processes" : null;
}

function isByEbpf(scan: Findings['scan']): boolean {
  return scan?.collector.startsWith('ebpf') ?? false;
}

/**
 * Root that lacks something is inside a container or a sandbox, where sudo gives nothing; who has the capabilities and
 * is refused all the same has met something that no privilege of the agent opens.
 */
function privilegeFix(findings: Findings, programName: string): string {
  const missing = usedCapabilities.filter((capability) => !isThere(findings, capability));
  if (missing.length === 0) {
    return 'none for the agent, which has what it takes: look for a security module, or the edge of a sandbox';
  }
  if (findings.uid !== 0) return `sudo ${programName} doctor`;
  return `run it outside of the container, or give that ${missing.join(', ')}`;
}

function processCheck(findings: Findings, programName: string): Check {
  const { processes, closedProcesses } = findings;
  const check = 'processes';
  if (closedProcesses === 0) return ok(check, `${processes}, and the open files of each can be read`);
  const detail = `${processes}; the open files of ${closedProcesses} of them are closed to whotalks`;
  if (isByEbpf(findings.scan)) return ok(check, `${detail}, but not to eBPF`);
  return lacking(check, detail, 'the processes behind their sockets', privilegeFix(findings, programName));
}

function hidepidCheck(findings: Findings): Check {
  const { hidepid } = findings;
  const check = 'hidepid';
  if (hidepid === null || hidepid === '0' || hidepid === 'off') return ok(check, 'off');
  if (isThere(findings, 'CAP_SYS_PTRACE')) return ok(check, `${hidepid}, which CAP_SYS_PTRACE sees through`);
  const lost = isByEbpf(findings.scan) ? othersLost(findings) : 'every process of other users';
  if (lost === null) return ok(check, `${hidepid}, which eBPF sees through`);
  return lacking(check, hidepid, lost, 'sudo mount -o remount,hidepid=0 /proc');
}
