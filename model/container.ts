/** The container that a process runs in, as its host knows it. What is unknown is null. */

/** What makes containers. */
export type ContainerRuntime = 'docker' | 'containerd' | 'cri-o' | 'podman' | 'lxc' | 'nspawn';

export interface ContainerIdentity {
  /** Full id, from the cgroup path; the name where there is no other id (LXC, systemd-nspawn). */
  readonly container: string | null;
  /** A ContainerRuntime, or what a later version of the agent calls one. */
  readonly runtime: string | null;
  /** As its runtime calls the container; that of a pod, as the pod calls it. */
  readonly containerName: string | null;
  /** Kubernetes pod uid. */
  readonly pod: string | null;
  readonly podName: string | null;
  /** Kubernetes namespace. */
  readonly podNamespace: string | null;
  /** What the container is one of: a Kubernetes workload, a Compose or a Swarm service. */
  readonly workload: string | null;
}

/** Of a process in no container. */
export const noContainer: ContainerIdentity = {
  container: null,
  runtime: null,
  containerName: null,
  pod: null,
  podName: null,
  podNamespace: null,
  workload: null,
};
