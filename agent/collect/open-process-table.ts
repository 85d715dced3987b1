/** The table of processes as all collectors want it. */
import { hostname } from 'node:os';
import { isProcMount } from '../procfs/proc-mount.ts';
import { ContainerNameTable, type NameSources, noSources } from '../resolve/container-names.ts';
import { ProcessTable } from '../resolve/process-table.ts';
import type { CmdlineMode } from '../resolve/redact-cmdline.ts';
import type { UserNames } from '../resolve/user-names.ts';
import { MachineNameSources, machineRoot } from '../runtime/name-sources.ts';

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

/** A kubelet calls its machine by its host name, in small letters, unless told otherwise. */
function machineSources(procRoot: string): NameSources {
  return new MachineNameSources({ root: machineRoot(procRoot), nodeName: hostname().toLowerCase() });
}
