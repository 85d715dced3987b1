/** From the place of a process among the cgroups to what its container is called. */
import type { ContainerIdentity } from '../../model/container.ts';
import { noContainer } from '../../model/container.ts';
import type { Placement } from './placement.ts';

/** LXC and systemd-nspawn know a container by its name alone, so the cgroup tells it. */
export function identifyContainer({ container, runtime, pod }: Placement): ContainerIdentity {
  const isNamed = runtime === 'lxc' || runtime === 'nspawn';
  return { ...noContainer, container, runtime, containerName: isNamed ? container : null, pod };
}
