/** The table of processes as all collectors want it. */
import { isProcMount } from '../procfs/proc-mount.ts';
import { ContainerNameTable, type NameSources, noSources } from '../resolve/container-names.ts';
import { ProcessTable } from '../resolve/process-table.ts';
import type { CmdlineMode } from '../resolve/redact-cmdline.ts';
import type { UserNames } from '../resolve/user-names.ts';
import { MachineNameSources, machineRoot, nodeNameOf } from '../runtime/name-sources.ts';

export interface ProcessTableOptions {
  /** Default `/proc`. */
  readonly procRoot?: string;
  /** Default `redacted`. */
  readonly cmdline?: CmdlineMode;
  /** What knows the names of containers; default the runtimes of this machine, and nothing for a copy of /proc. */
  readonly nameSources?: NameSources;
}

export function openProcessTable(users: UserNames, options: ProcessTableOptions): ProcessTable {
  const { procRoot = '/proc', cmdline = 'redacted', nameSources } = options;
  const sources = nameSources ?? (isProcMount(procRoot) ? machineSources(procRoot) : noSources);
  return new ProcessTable(users, cmdline, new ContainerNameTable(sources));
}

function machineSources(procRoot: string): NameSources {
  const root = machineRoot(procRoot);
  return new MachineNameSources({ root, nodeName: nodeNameOf(root) });
}
