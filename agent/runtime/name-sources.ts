/**
 * Which runtime's files and sockets are asked for the names of a container, by what its cgroup tells of it.
 *
 *     docker        its description of each container; else its socket, which a group may use
 *     containerd    the bundle of each container; the kubelet's links to logs
 *     CRI-O         the same
 *     podman        its list of containers
 *     a user's      the same files of docker and podman, in that user's home
 *     pods          the kubelet, where the agent is told to ask it; what it does not tell, the others do
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { denied, isUnread, readLink, type Unread } from '../procfs/proc-file.ts';
import type { FoundNames, NameSources } from '../resolve/container-names.ts';
import type { Placement } from '../resolve/placement.ts';
import type { ContainerNames } from './container-labels.ts';
import { findInStorage, storageListPaths, storagePath, storageUserPath } from './container-storage.ts';
import { dockerConfigPath, dockerDataPath, dockerUserDataPath, parseDockerConfig } from './docker-config.ts';
import { dockerSocketPath, listDockerContainers } from './docker-socket.ts';
import { type KubeletAccess, KubeletApi } from './kubelet-api.ts';
import { KubeletLogs } from './kubelet-logs.ts';
import { containerdBundlePaths, crioBundlePaths, parseBundle } from './oci-bundle.ts';
import { readRuntimeFile, readRuntimeFileAside, unreadOf } from './runtime-file.ts';

/** Longest that a look-up aside is waited for. */
export const asideTimeoutMs = 2_000;

/** How long a list of containers is believed to have all that were started before. */
const listingFreshMs = 1_000;

export interface MachineNameSourcesOptions {
  /** Folder in which the machine's own root is; empty for that of the agent. */
  readonly root: string;
  /** What Kubernetes calls the machine; null = unknown. */
  readonly nodeName: string | null;
  /** Default null: it is not asked. */
  readonly kubelet?: KubeletAccess | null;
  /** Default asideTimeoutMs. */
  readonly timeoutMs?: number;
}

/** The machine's root as the agent reaches it: that of its first process, where the agent has another one. */
export function machineRoot(procRoot: string): string {
  const first = readLink(`${procRoot}/1/ns/mnt`);
  const own = readLink(`${procRoot}/self/ns/mnt`);
  return isUnread(first) || isUnread(own) || first === own ? '' : `${procRoot}/1/root`;
}

/** What a kubelet calls the machine, unless told otherwise: its host name, in small letters. @param root as machineRoot */
export function nodeNameOf(root: string): string {
  // In a container of its own the agent has another host name than its machine.
  const file = root === '' ? null : readRuntimeFile(`${root}/etc/hostname`);
  return (file === null || isUnread(file) ? hostname() : file.toString('utf8').trim()).toLowerCase();
}

/** A way to find the names of a container: null = not there. */
type Look = (placement: Placement & { readonly container: string }) => ContainerNames | null | Unread;

export class MachineNameSources implements NameSources {
  readonly #root: string;
  readonly #nodeName: string | null;
  readonly #timeoutMs: number;
  readonly #kubeletLogs: KubeletLogs;
  readonly #kubelet: KubeletApi | null;
  #isHomeHanging = false;
  /** What Docker listed last, and when, on a monotonic clock. */
  #listing: { readonly atMs: number; readonly containers: ReadonlyMap<string, ContainerNames> } | null = null;

  constructor({ root, nodeName, kubelet = null, timeoutMs = asideTimeoutMs }: MachineNameSourcesOptions) {
    this.#root = root;
    this.#nodeName = nodeName;
    this.#timeoutMs = timeoutMs;
    this.#kubeletLogs = new KubeletLogs(root, nodeName);
    this.#kubelet = kubelet === null ? null : new KubeletApi(kubelet, nodeName);
  }

  get problem(): string | null {
    return this.#kubelet?.problem ?? null;
  }

  read(placement: Placement): FoundNames {
    const { container, manager, pod } = placement;
    if (container === null || manager !== null) return null;
    if (this.#kubelet !== null && pod !== null) return null;
    return this.#readFiles(placement, container);
  }

  #readFiles(placement: Placement, container: string): FoundNames {
    let isRefused = false;
    for (const look of this.#looks(placement)) {
      const found = look({ ...placement, container });
      if (found === denied) isRefused = true;
      else if (found !== null && !isUnread(found)) return found;
    }
    return isRefused ? 'refused' : null;
  }

  async readAside(placement: Placement): Promise<FoundNames> {
    const { container, manager, runtime, pod } = placement;
    if (container === null) return null;
    if (manager === null) {
      if (this.#kubelet === null || pod === null) return this.#askDocker(runtime, container);
      const told = await this.#kubelet.find(container, this.#timeoutMs);
      const isTold = told !== null && told !== 'refused';
      return isTold ? told : (this.#readFiles(placement, container) ?? told);
    }
    // A thread that hangs in somebody's file system is lost to the agent, so there is one at most.
    if (this.#isHomeHanging) return 'refused';
    this.#isHomeHanging = true;
    const work = this.#readHome(manager, container).finally(() => {
      this.#isHomeHanging = false;
    });
    return inTime(work, this.#timeoutMs);
  }

  #looks({ runtime, pod }: Placement): Look[] {
    const looks = {
      docker: [this.#dockerConfig],
      containerd: [this.#containerdBundle],
      'cri-o': [this.#crioBundle],
      podman: [this.#podmanList],
      lxc: [],
      nspawn: [],
    } as const satisfies Record<NonNullable<typeof runtime>, readonly Look[]>;
    const unknown = [this.#dockerConfig, this.#containerdBundle, this.#crioBundle];
    const kubelet: Look = ({ container }) => this.#kubeletLogs.find(container);
    return [...(pod === null ? [] : [kubelet]), ...(runtime === null ? unknown : looks[runtime])];
  }

  readonly #dockerConfig: Look = ({ container }) =>
    readFirst([dockerConfigPath(this.#root + dockerDataPath, container)], (bytes) =>
      parseDockerConfig(bytes, this.#nodeName),
    );

  readonly #containerdBundle: Look = ({ container }) =>
    readFirst(containerdBundlePaths(this.#root, container), (bytes) =>
      parseBundle(bytes, 'containerd', this.#nodeName),
    );

  readonly #crioBundle: Look = ({ container }) =>
    readFirst(crioBundlePaths(this.#root, container), (bytes) => parseBundle(bytes, 'cri-o', this.#nodeName));

  readonly #podmanList: Look = ({ container }) =>
    readFirst(storageListPaths(this.#root + storagePath), (bytes) => findInStorage(bytes, container));

  async #askDocker(runtime: Placement['runtime'], id: string): Promise<FoundNames> {
    if (runtime !== 'docker' && runtime !== null) return null;
    const atMs = performance.now();
    try {
      if (this.#listing === null || atMs - this.#listing.atMs > listingFreshMs) {
        const signal = AbortSignal.timeout(this.#timeoutMs);
        const containers = await listDockerContainers(this.#root + dockerSocketPath, this.#nodeName, signal);
        this.#listing = { atMs, containers };
      }
      return this.#listing.containers.get(id) ?? null;
    } catch (error) {
      // What answers in another way than Docker is not Docker.
      return refusalOf(unreadOf(error));
    }
  }

  async #readHome(uid: number, id: string): Promise<FoundNames> {
    const passwd = readRuntimeFile(`${this.#root}/etc/passwd`);
    const home = isUnread(passwd) ? null : homeOf(passwd.toString('utf8'), uid);
    if (home === null) return null;
    const folder = this.#root + home;
    const docker = dockerConfigPath(join(folder, dockerUserDataPath), id);
    let found = await readAside(docker, (bytes) => parseDockerConfig(bytes, this.#nodeName));
    for (const path of storageListPaths(join(folder, storageUserPath))) {
      if (found !== null) break;
      found = await readAside(path, (bytes) => findInStorage(bytes, id));
    }
    return found;
  }
}

/** The first of the files that tells something; `denied` when none does and one is closed. */
function readFirst(
  paths: readonly string[],
  parse: (bytes: Buffer) => ContainerNames | null,
): ContainerNames | null | Unread {
  let unread: Unread | null = null;
  for (const path of paths) {
    const bytes = readRuntimeFile(path);
    const found = isUnread(bytes) ? null : parse(bytes);
    if (found !== null) return found;
    if (bytes === denied) unread = denied;
  }
  return unread;
}

async function readAside(path: string, parse: (bytes: Buffer) => ContainerNames | null): Promise<FoundNames> {
  const bytes = await readRuntimeFileAside(path);
  return isUnread(bytes) ? refusalOf(bytes) : parse(bytes);
}

function refusalOf(unread: Unread): 'refused' | null {
  return unread === denied ? 'refused' : null;
}

/** `refused` when it takes longer; what comes later is not listened to. */
async function inTime(work: Promise<FoundNames>, timeoutMs: number): Promise<FoundNames> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'refused'>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'refused').unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The sixth field of a user's line, passwd(5); null when there is none. */
export function homeOf(passwd: string, uid: number): string | null {
  const match = new RegExp(`^[^:#\\n]+:[^:\\n]*:${uid}:[^:\\n]*:[^:\\n]*:(/[^:\\n]*)`, 'm').exec(passwd);
  return match?.[1] ?? null;
}
