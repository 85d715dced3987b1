/** Under which name a socket is looked for in the next scan. */
import { hasSameTuple, type SocketRow } from '../../model/socket.ts';
import { isListening } from '../../model/socket-state.ts';

/**
 * A connected TCP socket goes by its tuple in its namespace, because its inode comes and goes (accept queue, TIME_WAIT).
 * Listeners and all UDP sockets go by their inode too: SO_REUSEPORT gives any number of them the same tuple, and they
 * keep their inode for life.
 */
export function socketKey(row: SocketRow): string {
  const { netns, protocol, local, remote } = row;
  const tuple = `${netns}|${protocol}|${local.ip}|${local.port}|${remote.ip}|${remote.port}`;
  return goesByInode(row) ? `${tuple}|${row.inode}` : tuple;
}

/** Whether the inode is part of its key. */
export function goesByInode({ protocol, state }: SocketRow): boolean {
  return protocol === 'udp' || isListening(state);
}

/** Whether the keys of both are equal. */
export function hasSameKey(a: SocketRow, b: SocketRow): boolean {
  if (!hasSameTuple(a, b) || goesByInode(a) !== goesByInode(b)) return false;
  return a.inode === b.inode || !goesByInode(a);
}
