/** What follows from what doctor found: per facility whether it is there, what is lost, and what fixes it. Pure. */
import { collectorChecks } from './collector-checks.ts';
import { type Check, type Findings, facility, lacking, ok } from './findings.ts';
import { privilegeChecks } from './privilege-checks.ts';
import { serverChecks } from './server-checks.ts';

/** In the order in which one thing rests on another. @param programName what a person types to run this program */
export function conclude(findings: Findings, programName: string): Check[] {
  return [
    ok('kernel', findings.kernel),
    facility(
      'BTF',
      findings.btfProblem,
      'eBPF: the scans that cost least, and the connections between two of them',
      'a kernel with CONFIG_DEBUG_INFO_BTF, and its /sys/kernel/btf',
    ),
    facility(
      'koffi',
      findings.koffiProblem,
      'eBPF, sock_diag, and the networks of host-local bridges: a scan costs several times the CPU',
      'npm ci --omit=dev',
    ),
    facility(
      'rtnetlink',
      findings.rtnetlinkProblem,
      'the networks of host-local bridges: equal container addresses of two hosts may be taken for one',
      'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd)',
    ),
    conntrackCheck(findings),
    ...privilegeChecks(findings, programName),
    pidNamespaceCheck(findings),
    networkNamespaceCheck(findings, programName),
    ...collectorChecks(findings),
    ...serverChecks(findings, programName),
  ];
}

function conntrackCheck({ conntrack }: Findings): Check {
  const check = 'conntrack';
  switch (conntrack.kind) {
    case 'absent':
      return ok(check, 'not in use: nothing is translated on this host');
    case 'works':
      return ok(check, 'works');
    case 'refused':
      return lacking(
        check,
        conntrack.problem,
        'how connections are translated: each end shows the addresses that it sees itself',
        'CAP_NET_ADMIN (run as root), and the module nf_conntrack_netlink',
      );
  }
}

function pidNamespaceCheck({ surroundings: { pidNamespace } }: Findings): Check {
  const check = 'pid namespace';
  switch (pidNamespace) {
    case 'machine':
      return ok(check, 'that of the machine');
    case 'own':
      return ok(check, 'one of its own: what runs outside of it is not seen');
    case 'not of /proc':
      return lacking(
        check,
        'another one than that of /proc',
        'eBPF, which shows the own pid namespace, where /proc shows another',
        'mount -t proc proc /proc, or run it in the pid namespace that /proc is of',
      );
  }
}

/** An agent tells the addresses of its namespace as those of the host. */
function networkNamespaceCheck({ surroundings }: Findings, programName: string): Check {
  const check = 'network namespace';
  const { isNetworkOfFirst, pidNamespace } = surroundings;
  const first = pidNamespace === 'own' ? 'that of process 1 here' : 'that of process 1';
  if (isNetworkOfFirst === null) return ok(check, `unknown whether ${first}: closed to this user`);
  if (isNetworkOfFirst) return ok(check, first);
  return lacking(
    check,
    `not ${first}`,
    "the host's own addresses, and its 127.0.0.1, which is another one here",
    `nsenter --net --target 1 ${programName} doctor`,
  );
}
