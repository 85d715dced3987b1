/**
 * Names of all containers of Kubernetes on this machine, whatever runs them: the kubelet links each container's log as
 * /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log. Names of pods, namespaces and containers have no underscores.
 * Whoever may list the folder may know.
 */
import { statSync } from 'node:fs';
import { workloadOfPod } from '../../model/kubernetes-workload.ts';
import { isUnread, readFolder, type Unread, unreadIfAbsent } from '../procfs/proc-file.ts';
import type { ContainerNames } from './container-labels.ts';

/** Below the root. */
const logsPath = '/var/log/containers';

/** A kubelet runs a few hundred containers; of more than these no further ones are read. */
export const logLinksMax = 16_384;

export class KubeletLogs {
  readonly #path: string;
  readonly #nodeName: string | null;
  #byId: ReadonlyMap<string, ContainerNames> = new Map();
  /** Of the folder when it was listed; null before. */
  #modifiedMs: number | null = null;

  constructor(root: string, nodeName: string | null) {
    this.#path = root + logsPath;
    this.#nodeName = nodeName;
  }

  /** Null when there is no such log. Lists the folder when it has changed. */
  find(id: string): ContainerNames | null | Unread {
    const modifiedMs = unreadIfAbsent(() => statSync(this.#path).mtimeMs);
    if (isUnread(modifiedMs)) return modifiedMs;
    if (modifiedMs !== this.#modifiedMs) {
      const files = readFolder(this.#path);
      if (isUnread(files)) return files;
      this.#byId = parseLogLinks(files.slice(0, logLinksMax), this.#nodeName);
      this.#modifiedMs = modifiedMs;
    }
    return this.#byId.get(id) ?? null;
  }
}

/** Files of other names are passed over. */
export function parseLogLinks(
  files: readonly string[],
  nodeName: string | null,
): Map<string, ContainerNames> {
  const names = new Map<string, ContainerNames>();
  for (const file of files) {
    const match = /^([^_]+)_([^_]+)_([^_]+)-([0-9a-f]{64})\.log$/.exec(file);
    if (match === null) continue;
    const [, podName, podNamespace, containerName, id] = match as unknown as [string, ...string[]];
    names.set(id!, {
      runtime: null,
      containerName: containerName!,
      podName: podName!,
      podNamespace: podNamespace!,
      workload: workloadOfPod(podName!, nodeName),
    });
  }
  return names;
}
