/** Where the agent is and how far it may look: what hardly ever changes, so that not every scan has to ask. */
import { isShown } from '../procfs/pids.ts';
import { readOwnNetns } from './describe-namespaces.ts';
import { type Privilege, readPrivilege } from './privilege.ts';

export interface Standing {
  readonly privilege: Privilege;
  /** This /proc leaves out processes of other users. */
  readonly hidesOthers: boolean;
  /** The namespace that the agent is in; null when this /proc does not tell. */
  readonly ownNetns: number | null;
}

export function readStanding(procRoot: string): Standing {
  return {
    privilege: readPrivilege(procRoot),
    hidesOthers: !isShown(procRoot, 1),
    ownNetns: readOwnNetns(procRoot),
  };
}
