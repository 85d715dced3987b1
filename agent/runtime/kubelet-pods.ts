/**
 * Names of all containers of Kubernetes on this machine, as the kubelet lists them: GET /pods, where each pod is a
 * v1.Pod. Of that, what tells a container by its id, and what the pod belongs to:
 *
 *     metadata.name, .namespace, .ownerReferences[].{kind,name,controller}, .labels
 *     status.{initContainer,container,ephemeralContainer}Statuses[].{name,containerID}
 *
 * `containerID` is RUNTIME://ID. Whatever is of another form is passed over.
 */
import type { ContainerRuntime } from '../../model/container.ts';
import { workloadOfPod } from '../../model/kubernetes-workload.ts';
import { type ContainerNames, type Labels, labelsOf, parseObject } from './container-labels.ts';

/** A kubelet runs a few hundred containers; of more than these no further ones are read. */
export const podContainersMax = 16_384;

const statusLists = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'] as const;

const runtimes: Readonly<Record<string, ContainerRuntime>> = {
  docker: 'docker',
  containerd: 'containerd',
  'cri-o': 'cri-o',
};

/** By container id; null when the answer is no list of pods. @param nodeName see workloadOfPod */
export function parsePods(body: Buffer, nodeName: string | null): Map<string, ContainerNames> | null {
  const items = parseObject(body)?.['items'];
  if (!Array.isArray(items)) return null;
  const names = new Map<string, ContainerNames>();
  for (const item of items) {
    const pod = labelsOf(item);
    const metadata = labelsOf(pod['metadata']);
    const podName = textAt(metadata, 'name');
    if (podName === null) continue;
    const workload = ownerOf(metadata) ?? workloadOfPod(podName, nodeName);
    const podNamespace = textAt(metadata, 'namespace');
    for (const [id, runtime, containerName] of containersOf(labelsOf(pod['status']))) {
      if (names.size >= podContainersMax) return names;
      names.set(id, { runtime, containerName, podName, podNamespace, workload });
    }
  }
  return names;
}

function* containersOf(status: Labels): Generator<[string, ContainerRuntime | null, string | null]> {
  for (const list of statusLists) {
    const statuses = status[list];
    if (!Array.isArray(statuses)) continue;
    for (const each of statuses) {
      const match = /^([a-z-]+):\/\/([0-9a-f]{64})$/.exec(textAt(labelsOf(each), 'containerID') ?? '');
      if (match !== null) yield [match[2]!, runtimes[match[1]!] ?? null, textAt(labelsOf(each), 'name')];
    }
  }
}

/**
 * What controls the pod, by its own word. A Deployment's pods belong to a ReplicaSet, which is called after the
 * Deployment and the hash that its pods have as a label. The machine owns static pods: that is no workload.
 */
function ownerOf(metadata: Labels): string | null {
  const owners = metadata['ownerReferences'];
  const owner = Array.isArray(owners)
    ? owners.map(labelsOf).find(({ controller }) => controller === true)
    : undefined;
  const name = owner === undefined ? null : textAt(owner, 'name');
  if (owner === undefined || name === null || owner['kind'] === 'Node') return null;
  const hash = textAt(labelsOf(metadata['labels']), 'pod-template-hash');
  if (owner['kind'] !== 'ReplicaSet' || hash === null || !name.endsWith(`-${hash}`)) return name;
  return name.slice(0, -hash.length - 1) || name;
}

function textAt(object: Labels, key: string): string | null {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}
