/** The list in which Podman's storage keeps its containers (containers/storage): containers.json, all in one file. */
import { type ContainerNames, labelsOf, parseJson } from './container-labels.ts';

/** Where the storage is, unless told otherwise; below a user's home, that of a rootless Podman. */
export const storagePath = '/var/lib/containers/storage';
export const storageUserPath = '.local/share/containers/storage';

/** Lasting containers, and those that end with the machine; of the two usual drivers. */
export function storageListPaths(storage: string): string[] {
  return ['overlay', 'vfs'].flatMap((driver) =>
    ['containers.json', 'volatile-containers.json'].map((file) => `${storage}/${driver}-containers/${file}`),
  );
}

/** Names of one container in an array of `{"id", "names"}`; null when it is not there, or has none. */
export function findInStorage(bytes: Buffer, id: string): ContainerNames | null {
  const containers = parseJson(bytes);
  if (!Array.isArray(containers)) return null;
  const found = containers.map(labelsOf).find((container) => container['id'] === id);
  const [name] = Array.isArray(found?.['names']) ? (found['names'] as unknown[]) : [];
  if (typeof name !== 'string' || name === '') return null;
  return { runtime: 'podman', containerName: name, podName: null, podNamespace: null, workload: null };
}
