/** The rungs of the ladder of collectors, best first: how each is opened, what is lost without it, and how to get it. */
import type { Collector } from '../collector.ts';
import { isProcMount } from '../procfs/proc-mount.ts';
import { createEbpfCollector } from './ebpf-collector.ts';
import { createProcfsCollector, type ProcfsCollectorOptions } from './procfs-collector.ts';
import { createSockdiagCollector } from './sockdiag-collector.ts';
import type { RungName } from './source.ts';

export interface Rung {
  readonly name: RungName;
  /** Rejects where this rung is not to be had; the message says why. */
  readonly open: (options: ProcfsCollectorOptions) => Promise<Collector>;
  /** What goes without it, as the end of a sentence. */
  readonly lost: string;
  /** What to do to get it. */
  readonly fix: string;
}

export const rungs: readonly Rung[] = [
  {
    name: 'ebpf',
    open: async (options) => {
      expectLiveProc(options);
      return createEbpfCollector(options);
    },
    lost: 'a scan costs several times the CPU',
    fix: 'Linux 6.2 or later with BTF, CAP_BPF and CAP_PERFMON (run as root), and npm ci --omit=dev for koffi',
  },
  {
    name: 'sockdiag',
    open: async (options) => {
      expectLiveProc(options);
      return createSockdiagCollector(options);
    },
    lost: 'a scan costs several times the CPU',
    fix: 'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd), and npm ci --omit=dev for koffi',
  },
  {
    name: 'procfs',
    open: async (options) => createProcfsCollector(options),
    lost: 'everything',
    fix: 'mount -t proc proc /proc',
  },
];

/** Sockets of the kernel that runs have no place among the processes of a copy of /proc. */
function expectLiveProc({ procRoot = '/proc' }: ProcfsCollectorOptions): void {
  if (!isProcMount(procRoot)) throw new Error(`${procRoot} is a copy of /proc, not the kernel's own`);
}
