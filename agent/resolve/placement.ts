/**
 * Container, systemd unit and Kubernetes pod of a process, from the paths of its cgroups.
 *
 * Container runtimes and systemd name cgroups after what runs in them. The forms below are those of docker,
 * containerd (CRI and nerdctl), podman, CRI-O, LXC (LXD and Incus too), systemd-nspawn and ECS, on cgroup v1, v2 and the
 * hybrid of both, with either of the runtimes' two cgroup drivers (plain folders, and systemd scopes and slices).
 *
 * Whoever may make cgroups may name them after anything: a user in the slice of their own manager, a container that
 * manages cgroups of its own. So it is told of a container who runs it and whether it runs in another one, and names
 * are looked up accordingly (container-names.ts).
 */
import type { ContainerRuntime } from '../../model/container.ts';
import { unescapeUnit } from '../../model/service-name.ts';
import type { CgroupEntry } from '../procfs/pid-cgroup.ts';

export interface Placement {
  /** Full id; the container's name where it has no other id. */
  readonly container: string | null;
  readonly runtime: ContainerRuntime | null;
  /** In a container that is in a container. */
  readonly isNested: boolean;
  /** The user whose own systemd manages the container, or the cgroup that says it is one; null = the system's. */
  readonly manager: number | null;
  /** With its suffix, such as `nginx.service`. */
  readonly unit: string | null;
  /** Kubernetes pod uid with dashes. */
  readonly pod: string | null;
}

/** In no container, unit or pod. */
export const noPlacement: Placement = {
  container: null,
  runtime: null,
  isNested: false,
  manager: null,
  unit: null,
  pod: null,
};

/** A container, at its place among the segments of a path. */
interface Found {
  readonly id: string;
  readonly runtime: ContainerRuntime | null;
  readonly at: number;
}

/** `ID`, `RUNTIME-ID.scope` and `SLICE:RUNTIME:ID`. conmon and other minders of a container are not in it. */
const containerSegment =
  /^(?:(docker|cri-containerd|crio|libpod|libpod-payload|containerd|nerdctl)-|[^:]*:(cri-containerd|crio|docker):)?([0-9a-f]{64}|[0-9a-f]{32}-\d{5,10})(?:\.scope)?$/;

/** What runtimes call themselves in cgroups, also in the folder above a bare id. */
const runtimes: ReadonlyMap<string, ContainerRuntime> = new Map([
  ['docker', 'docker'],
  ['cri-containerd', 'containerd'],
  ['containerd', 'containerd'],
  ['nerdctl', 'containerd'],
  // Namespaces of containerd: of nerdctl and ctr, and of Kubernetes.
  ['default', 'containerd'],
  ['k8s.io', 'containerd'],
  ['crio', 'cri-o'],
  ['libpod', 'podman'],
  ['libpod-payload', 'podman'],
  ['libpod_parent', 'podman'],
]);

/** `lxc.payload.NAME`; in LXC 3 and before, and where it is told to, `lxc/NAME`. `lxc.monitor` is the minder outside. */
const lxcSegment = /^(?:lxc|incus)\.payload\.(.+)$/;
const lxcFolder = /^(?:lxc|incus)(?:\.payload)?$/;

/** systemd-nspawn by itself, and by its unit. Machines of libvirt are virtual ones (`qemu-`), or carry a pid (`lxc-`). */
const nspawnSegment = /^(?:machine-(?!qemu\\x2d|lxc\\x2d)(.+)\.scope|systemd-nspawn@(.+)\.service)$/;

/** `pod UID` as a folder or in a slice, where dashes are underscores. Static pods have 32 digits without any. */
const podSegment = /(?:^|-)pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?(?::|$)/;

/** A user's own systemd: a manager of units rather than a workload. */
const userManager = /^user@\d{1,10}\.service$/;

/** What a user's own processes and manager are in. */
const userSlice = /^user-(\d{1,10})\.slice$/;

/** What runs containers, as a unit above them, says nothing of what is in them. */
const engineUnit =
  /^(?:docker|containerd|crio|cri-o|kubelet|podman|k3s|k3s-agent|rke2-server|rke2-agent|snap\..*)\.service$/;

export function resolvePlacement(entries: readonly CgroupEntry[]): Placement {
  const paths = byAuthority(entries).map(({ path }) => path.split('/').slice(1));
  const inContainer = firstFound(paths, placementOf) ?? noPlacement;
  return { ...inContainer, unit: firstFound(paths, unitOf), pod: firstFound(paths, podOf) };
}

/** The unified hierarchy and systemd's own come first: v1 controllers may be mounted or delegated piecemeal. */
function byAuthority(entries: readonly CgroupEntry[]): CgroupEntry[] {
  const rank = ({ controllers }: CgroupEntry): number => {
    if (controllers === '') return 0;
    return controllers === 'name=systemd' ? 1 : 2;
  };
  return entries.toSorted((a, b) => rank(a) - rank(b));
}

function firstFound<T>(
  paths: readonly (readonly string[])[],
  find: (segments: readonly string[]) => T | null,
): T | null {
  for (const path of paths) {
    const found = find(path);
    if (found !== null) return found;
  }
  return null;
}

function placementOf(segments: readonly string[]): Placement | null {
  const [innermost, outer] = containersOf(segments);
  if (innermost === undefined) return null;
  const { id, runtime, at } = innermost;
  const users = segments.slice(0, at).map((segment) => userSlice.exec(segment)?.[1]);
  const manager = users.find((uid) => uid !== undefined);
  return {
    ...noPlacement,
    container: id,
    runtime,
    isNested: outer !== undefined,
    manager: manager === undefined ? null : Number(manager),
  };
}

/** The innermost first: a container that runs in a container is what the process belongs to. */
function containersOf(segments: readonly string[]): Found[] {
  const found: Found[] = [];
  for (let at = segments.length - 1; at >= 0; at--) {
    const container = containerAt(segments, at);
    if (container !== null) found.push(container);
  }
  return found;
}

function containerAt(segments: readonly string[], at: number): Found | null {
  const segment = segments[at]!;
  const above = segments[at - 1] ?? '';
  const byId = containerSegment.exec(segment);
  if (byId !== null) {
    const runtime = runtimes.get(byId[1] ?? byId[2] ?? above) ?? null;
    return { id: byId[3]!, runtime, at };
  }
  const lxc = lxcFolder.test(above) ? segment : lxcSegment.exec(segment)?.[1];
  if (lxc !== undefined) return { id: lxc, runtime: 'lxc', at };
  // The process of systemd-nspawn itself stands beside what it runs.
  const nspawn = segments[at + 1] === 'supervisor' ? null : nspawnSegment.exec(segment);
  const name = nspawn?.[1] ?? nspawn?.[2];
  return name === undefined ? null : { id: unescapeUnit(name), runtime: 'nspawn', at };
}

/** The innermost service. Sessions, scopes and slices group processes without saying what they are. */
function unitOf(segments: readonly string[]): string | null {
  const at = segments.findLastIndex((segment) => segment.endsWith('.service'));
  if (at < 0 || userManager.test(segments[at]!)) return null;
  const isAbove = containersOf(segments.slice(at + 1)).length > 0;
  return isAbove && engineUnit.test(segments[at]!) ? null : segments[at]!;
}

/** No user of the machine runs its pods. */
function podOf(segments: readonly string[]): string | null {
  for (const segment of segments) {
    if (userSlice.test(segment)) return null;
    const match = podSegment.exec(segment);
    if (match !== null) return match[1]!.replaceAll('_', '-');
  }
  return null;
}
