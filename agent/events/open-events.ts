/** Opens the best source of events that works here, found by trying; or none, and says what goes without it. */
import { errorLine } from '../error-line.ts';
import { isProcMount } from '../procfs/proc-mount.ts';
import { remedyOf } from '../remedy.ts';
import type { EventChoice, EventSource, EventSourceName } from './event-source.ts';

/** A way of hearing of connections: how it is opened, and how to get it. */
export interface EventRung {
  readonly name: EventSourceName;
  /** Rejects where it is not to be had; the message says why. */
  readonly open: (procRoot: string) => Promise<EventSource>;
  /** What goes without it, as the end of a sentence. */
  readonly lost: string;
  readonly fix: string;
}

/** Best first. The code of each is loaded when it is tried. */
const everyRung: readonly EventRung[] = [
  {
    name: 'ebpf',
    open: async (procRoot) => (await import('./ebpf-source.ts')).openEbpfSource(procRoot),
    lost: 'the connections that open and close between two scans, and their processes',
    fix: 'Linux 5.11 or later with BTF, CAP_BPF and CAP_PERFMON (run as root), and npm ci --omit=dev for koffi',
  },
  {
    name: 'destroy',
    open: async (procRoot) => (await import('./destroy-source.ts')).openDestroySource(procRoot),
    lost: 'the connections that open and close between two scans, where eBPF is not to be had',
    fix: 'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd), and npm ci --omit=dev for koffi',
  },
];

/** The source that was asked for does not work. The message is one line that says why and what to do. */
export class EventSourceError extends Error {
  override readonly name = 'EventSourceError';
}

export interface OpenedEvents {
  /** null = connections are seen by scans alone. */
  readonly source: EventSource | null;
  /** Plain sentences: what is not seen for want of a better source, and what to do about it. */
  readonly cannotSee: readonly string[];
}

/** Rejects with EventSourceError where the one source that was chosen does not work. */
export async function openEvents(
  choice: EventChoice,
  procRoot: string,
  rungs: readonly EventRung[] = everyRung,
): Promise<OpenedEvents> {
  if (choice === 'off')
    return { source: null, cannotSee: [unseen('events are switched off', '--events auto')] };
  // What the kernel tells is not about the processes of a copy.
  if (!isProcMount(procRoot)) {
    return { source: null, cannotSee: [unseen(`${procRoot} is a copy of /proc`, 'leave out --procfs')] };
  }
  const refusals: string[] = [];
  let remedy: string | null = null;
  for (const { name, open, fix } of rungs) {
    if (choice !== 'auto' && choice !== name) continue;
    try {
      const source = await open(procRoot);
      return {
        source,
        get cannotSee() {
          return source.cannotSee;
        },
      };
    } catch (error) {
      const problem = errorLine(error);
      if (choice === name)
        throw new EventSourceError(
          `${name} does not work here: ${problem}; to get it: ${remedyOf(error, fix)}.`,
        );
      refusals.push(`${name}: ${problem}`);
      remedy ??= remedyOf(error, fix);
    }
  }
  return { source: null, cannotSee: [unseen(refusals.join('; '), remedy ?? rungs[0]!.fix)] };
}

function unseen(reason: string, fix: string): string {
  return `Connections that open and close between two scans are not seen (${reason}); to see them: ${fix}.`;
}

/** What a try of one source brought. */
export interface EventReport {
  readonly name: EventSourceName;
  /** null = works. */
  readonly problem: string | null;
  readonly lost: string;
  readonly fix: string;
}

/** Tries every source, for whoever wants to know. */
export async function examineEvents(
  procRoot: string,
  rungs: readonly EventRung[] = everyRung,
): Promise<EventReport[]> {
  const reports: EventReport[] = [];
  for (const { name, open, lost, fix } of rungs) {
    try {
      (await open(procRoot)).close();
      reports.push({ name, problem: null, lost, fix });
    } catch (error) {
      reports.push({ name, problem: errorLine(error), lost, fix: remedyOf(error, fix) });
    }
  }
  return reports;
}
