/** The table of processes as all collectors want it. */
import { isProcMount } from '../procfs/proc-mount.ts';
import { ContainerNameTable, type NameSources, noSources } from '../resolve/container-names.ts';
import { ProcessTable } from '../resolve/process-table.ts';
import type { CmdlineMode } from '../resolve/redact-cmdline.ts';
import type { UserNames } from '../resolve/user-names.ts';
import type { KubeletAccess } from '../runtime/kubelet-api.ts';
import { MachineNameSources, machineRoot, nodeNameOf } from '../runtime/name-sources.ts';

export interface ProcessTableOptions {
  /** Default `/proc`. */
  readonly procRoot?: string;
  /** Default `redacted`. */
  readonly cmdline?: CmdlineMode;
  /** Asked for the names of pods; null, which is the default, = nobody is asked. */
  readonly kubelet?: KubeletAccess | null;
  /** What knows the names of containers; default the runtimes of this machine, and nothing for a copy of /proc. */
  readonly nameSources?: NameSources;
}

export function openProcessTable(users: UserNames, options: ProcessTableOptions): ProcessTable {
  const { procRoot = '/proc', cmdline = 'redacted', kubelet = null, nameSources } = options;
  const sources = nameSources ?? (isProcMount(procRoot) ? machineSources(procRoot, kubelet) : noSources);
  return new ProcessTable(users, cmdline, new ContainerNameTable(sources));
}

function machineSources(procRoot: string, kubelet: KubeletAccess | null): NameSources {
  const root = machineRoot(procRoot);
  return new MachineNameSources({ root, nodeName: nodeNameOf(root), kubelet });
}
