/** What of a socket's earlier rows stays true when a later row no longer shows it. */
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';

/**
 * A socket keeps the owners it was last seen with: they are not shown in TIME_WAIT, while an fd is on its way between
 * two processes, or when a process went away during the scan. The kernel shows user 0 for a socket without an inode.
 */
export function carryOver(before: OwnedSocket, now: OwnedSocket): OwnedSocket {
  const owners = now.owners.length > 0 ? now.owners : before.owners;
  const uid = now.inode === 0 ? before.uid : now.uid;
  const isAsShown = owners === now.owners && uid === now.uid;
  return isAsShown ? now : { ...now, owners, uid };
}

/** Whether two sightings of one socket tell the same; tuple and namespace are equal by their key. */
export function tellsSame(a: OwnedSocket, b: OwnedSocket): boolean {
  return a.state === b.state && a.inode === b.inode && a.uid === b.uid && haveSameOwners(a.owners, b.owners);
}

function haveSameOwners(a: readonly Owner[], b: readonly Owner[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((owner, i) => isSameOwner(owner, b[i]!));
}

/** Collectors hand out the same Process object while nothing about a process changed; others are compared by content. */
function isSameOwner(a: Owner, b: Owner): boolean {
  if (a.fds.length !== b.fds.length || a.fds.some((fd, i) => fd !== b.fds[i])) return false;
  return a.process === b.process || JSON.stringify(a.process) === JSON.stringify(b.process);
}
