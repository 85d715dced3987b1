/** How far the kernel lets the agent look into the processes of others. */
import { readMayInspectOthers } from '../procfs/pid-status.ts';

/**
 * Everything that capabilities allow, what root may do without them, what a user may; or nobody knows, because /proc
 * does not show the agent.
 */
export type Privilege = 'capable' | 'root' | 'user' | 'unknown';

export function readPrivilege(procRoot: string): Privilege {
  const mayInspectOthers = readMayInspectOthers(`${procRoot}/self`);
  if (mayInspectOthers === null) return 'unknown';
  if (mayInspectOthers) return 'capable';
  return process.geteuid?.() === 0 ? 'root' : 'user';
}
