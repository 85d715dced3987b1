/**
 * The description by which a container was started: config.json of its bundle (OCI runtime specification). containerd's
 * CRI plugin, nerdctl and CRI-O write into its annotations what the container and its pod are called.
 */
import type { ContainerRuntime } from '../../model/container.ts';
import { type ContainerNames, labelsOf, namesFromLabels, parseObject } from './container-labels.ts';

/** Where containerd keeps its state: by itself, and in the distributions of Kubernetes that bring their own. */
const containerdPaths = [
  '/run/containerd',
  '/run/k3s/containerd',
  '/run/k0s/containerd',
  '/var/snap/microk8s/common/run/containerd',
] as const;

/** Of containerd: that of Kubernetes, and that of nerdctl and ctr. */
const containerdNamespaces = ['k8s.io', 'default'] as const;

/** Where a container may be described, the likeliest place first. */
export function containerdBundlePaths(root: string, id: string): string[] {
  return containerdPaths.flatMap((state) =>
    containerdNamespaces.map(
      (namespace) => `${root}${state}/io.containerd.runtime.v2.task/${namespace}/${id}/config.json`,
    ),
  );
}

export function crioBundlePaths(root: string, id: string): string[] {
  const below = `storage/overlay-containers/${id}/userdata/config.json`;
  return [`${root}/run/containers/${below}`, `${root}/var/lib/containers/${below}`];
}

/** Null for a file of another form, or one that names nothing. */
export function parseBundle(
  bytes: Buffer,
  runtime: ContainerRuntime,
  nodeName: string | null,
): ContainerNames | null {
  const bundle = parseObject(bytes);
  if (bundle === null) return null;
  const names = namesFromLabels(labelsOf(bundle['annotations']), null, runtime, nodeName);
  return names.containerName === null && names.podName === null ? null : names;
}
