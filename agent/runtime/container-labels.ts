/** Names of a container from its labels (Docker, nerdctl) or the annotations of its bundle (containerd, CRI-O). Pure. */
import type { ContainerIdentity, ContainerRuntime } from '../../model/container.ts';
import { workloadOfPod } from '../../model/kubernetes-workload.ts';

/** What a runtime knows of a container besides its id. */
export interface ContainerNames
  extends Pick<ContainerIdentity, 'containerName' | 'podName' | 'podNamespace' | 'workload'> {
  readonly runtime: ContainerRuntime | null;
}

/** As JSON has them: not yet known to be texts. */
export type Labels = Readonly<Record<string, unknown>>;

/** By what is asked for: the keys of the kubelet, of containerd's CRI plugin, and of nerdctl. */
const keys = {
  podName: ['io.kubernetes.pod.name', 'io.kubernetes.cri.sandbox-name'],
  podNamespace: ['io.kubernetes.pod.namespace', 'io.kubernetes.cri.sandbox-namespace'],
  containerName: ['io.kubernetes.container.name', 'io.kubernetes.cri.container-name', 'nerdctl/name'],
} as const;

/**
 * @param ownName what the runtime calls the container, where that is no label
 * @param nodeName see workloadOfPod
 */
export function namesFromLabels(
  labels: Labels,
  ownName: string | null,
  runtime: ContainerRuntime,
  nodeName: string | null,
): ContainerNames {
  const podName = textOf(labels, keys.podName);
  return {
    runtime,
    containerName: textOf(labels, keys.containerName) ?? ownName,
    podName,
    podNamespace: textOf(labels, keys.podNamespace),
    workload: podName === null ? serviceOf(labels) : workloadOfPod(podName, nodeName),
  };
}

/** Containers of one service are numbered, or named by chance; the service is not. */
function serviceOf(labels: Labels): string | null {
  const [project, service] = [
    textOf(labels, ['com.docker.compose.project']),
    textOf(labels, ['com.docker.compose.service']),
  ];
  if (project !== null && service !== null) return `${project}-${service}`;
  return textOf(labels, ['com.docker.swarm.service.name']);
}

function textOf(labels: Labels, names: readonly string[]): string | null {
  for (const name of names) {
    const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
}

/** An object of JSON, else an empty one. */
export function labelsOf(value: unknown): Labels {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Labels) : {};
}

/** Null for what is no JSON object. The text is not repeated in any error: it may be anybody's. */
export function parseObject(bytes: Buffer): Labels | null {
  const value = parseJson(bytes);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Labels) : null;
}

/** Null for what is no JSON. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
