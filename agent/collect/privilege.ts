/** How far the kernel lets the agent look into the processes of others. */
import { readMayInspectOthers } from '../procfs/pid-status.ts';

/** Everything that capabilities allow, what root may do without them, or what a user may. */
export type Privilege = 'capable' | 'root' | 'user';

export function readPrivilege(procRoot: string): Privilege {
  if (readMayInspectOthers(`${procRoot}/self`)) return 'capable';
  return process.geteuid?.() === 0 ? 'root' : 'user';
}
