/** Network namespaces, as the processes of an eBPF scan show them. */
import type { TaskTable } from '../bpf/task-table.ts';
import { threadPath } from '../procfs/proc-file.ts';
import { type Entrance, readersMax } from './namespace-tables.ts';

export interface TaskNamespaces {
  /** Some processes of each namespace. */
  readonly entrances: ReadonlyMap<number, readonly Entrance[]>;
  /** Those that keep their connections in the same table as the agent's own; the others have tables of their own. */
  readonly sharing: ReadonlySet<number>;
}

/** @param self pid of the agent */
export function taskNamespaces(tasks: TaskTable, procRoot: string, self: number): TaskNamespaces {
  const entrances = new Map<number, Entrance[]>();
  const tables = new Map<number, bigint>();
  let own: bigint | null = null;
  for (let i = 0; i < tasks.length; i++) {
    const netns = tasks.netns(i);
    if (tasks.pid(i) === self) own = tasks.connections(i);
    const known = entrances.get(netns);
    if (known !== undefined && known.length === readersMax) continue;
    const entrance = { path: threadPath(procRoot, tasks.pid(i), tasks.tid(i)) };
    if (known !== undefined) known.push(entrance);
    else {
      entrances.set(netns, [entrance]);
      tables.set(netns, tasks.connections(i));
    }
  }
  const sharing = new Set([...tables].filter(([, table]) => table === own).map(([netns]) => netns));
  return { entrances, sharing };
}
