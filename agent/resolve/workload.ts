/**
 * Container, systemd unit and Kubernetes pod of a process, from the paths of its cgroups.
 *
 * Container runtimes and systemd name cgroups after what runs in them. The forms below are those of docker,
 * containerd (CRI and nerdctl), podman, CRI-O, LXC and ECS, on cgroup v1, v2 and the hybrid of both, with either of the
 * runtimes' two cgroup drivers (plain folders, and systemd scopes and slices).
 */
import type { CgroupEntry } from '../procfs/pid-cgroup.ts';

export interface Workload {
  /** Full id; the container's name for LXC, which has no ids. */
  readonly container: string | null;
  /** With its suffix, such as `nginx.service`. */
  readonly unit: string | null;
  /** Kubernetes pod uid with dashes. */
  readonly pod: string | null;
}

/** `ID`, `RUNTIME-ID.scope` and `SLICE:RUNTIME:ID`. conmon and other minders of a container are not in it. */
const containerSegment =
  /^(?:(?:docker|cri-containerd|crio|libpod|libpod-payload|containerd|nerdctl)-|.*:(?:cri-containerd|crio|docker):)?([0-9a-f]{64}|[0-9a-f]{32}-\d{5,10})(?:\.scope)?$/;

/** `/lxc/NAME`, `/lxc.payload/NAME` and `/lxc.payload.NAME`; `lxc.monitor` is the minder outside. */
const lxcPath = /\/(?:lxc(?:\.payload)?\/|lxc\.payload\.)([^/]+)/;

/** `pod UID` as a folder or in a slice, where dashes are underscores. Static pods have 32 digits without any. */
const podSegment = /(?:^|-)pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?(?::|$)/;

/** A user's own systemd: a manager of units rather than a workload. */
const userManager = /^user@\d+\.service$/;

export function resolveWorkload(entries: readonly CgroupEntry[]): Workload {
  const paths = byAuthority(entries).map((entry) => entry.path);
  return {
    container: firstFound(paths, containerOf),
    unit: firstFound(paths, unitOf),
    pod: firstFound(paths, podOf),
  };
}

/** The unified hierarchy and systemd's own come first: v1 controllers may be mounted or delegated piecemeal. */
function byAuthority(entries: readonly CgroupEntry[]): CgroupEntry[] {
  const rank = ({ controllers }: CgroupEntry): number => {
    if (controllers === '') return 0;
    return controllers === 'name=systemd' ? 1 : 2;
  };
  return entries.toSorted((a, b) => rank(a) - rank(b));
}

function firstFound(paths: readonly string[], find: (path: string) => string | null): string | null {
  for (const path of paths) {
    const found = find(path);
    if (found !== null) return found;
  }
  return null;
}

/** The innermost one: a container that runs in a container is what the process belongs to. */
function containerOf(path: string): string | null {
  for (const segment of path.split('/').toReversed()) {
    const match = containerSegment.exec(segment);
    if (match !== null) return match[1]!;
  }
  return lxcPath.exec(path)?.[1] ?? null;
}

/** The innermost service. Sessions, scopes and slices group processes without saying what they are. */
function unitOf(path: string): string | null {
  const services = path.split('/').filter((segment) => segment.endsWith('.service'));
  const innermost = services.at(-1);
  return innermost === undefined || userManager.test(innermost) ? null : innermost;
}

function podOf(path: string): string | null {
  for (const segment of path.split('/')) {
    const match = podSegment.exec(segment);
    if (match !== null) return match[1]!.replaceAll('_', '-');
  }
  return null;
}
