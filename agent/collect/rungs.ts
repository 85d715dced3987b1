/**
 * The rungs of the ladder of collectors, best first: how each is opened, what is lost without it, and how to get it. The
 * code of a rung is loaded when it is tried.
 */
import type { Collector } from '../collector.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import type { RungName } from './source.ts';

export interface Rung {
  readonly name: RungName;
  /** Sockets of the kernel that runs have no place among the processes of a copy of /proc. */
  readonly needsLiveProc: boolean;
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
    needsLiveProc: true,
    open: async (options) => (await import('./ebpf-collector.ts')).createEbpfCollector(options),
    lost: 'a scan costs several times the CPU',
    fix: 'Linux 6.2 or later with BTF, CAP_BPF and CAP_PERFMON (run as root), and npm ci --omit=dev for koffi',
  },
  {
    name: 'ebpf-files',
    needsLiveProc: true,
    open: async (options) => {
      return (await import('./ebpf-collector.ts')).createEbpfCollector({ ...options, kind: 'ebpf-files' });
    },
    lost: 'a scan costs several times the CPU',
    fix: 'Linux 5.11 or later with BTF, CAP_BPF and CAP_PERFMON (run as root), and npm ci --omit=dev for koffi',
  },
  {
    name: 'sockdiag',
    needsLiveProc: true,
    open: async (options) => (await import('./sockdiag-collector.ts')).createSockdiagCollector(options),
    lost: 'a scan costs several times the CPU',
    fix: 'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd), and npm ci --omit=dev for koffi',
  },
  {
    name: 'procfs',
    needsLiveProc: false,
    open: async (options) => (await import('./procfs-collector.ts')).createProcfsCollector(options),
    lost: 'everything',
    fix: 'mount -t proc proc /proc',
  },
];

/** The same for whoever makes one scan and no second. @param hasDetails see OneLookOptions */
export function oneLookRungs(hasDetails: boolean): readonly Rung[] {
  const open: Rung['open'] = async (options) => {
    return (await import('./one-look-collector.ts')).createOneLookCollector({ ...options, hasDetails });
  };
  return rungs.map((rung) => (rung.name === 'ebpf' ? { ...rung, open } : rung));
}
