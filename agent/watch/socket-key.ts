/** Under which name a socket is looked for in the next scan. */
import type { SocketRow } from '../../model/socket.ts';
import { isListening } from '../../model/socket-state.ts';

/**
 * A connected TCP socket goes by its tuple in its namespace, because its inode comes and goes (accept queue, TIME_WAIT).
 * Listeners and all UDP sockets go by their inode too: SO_REUSEPORT gives any number of them the same tuple, and they
 * keep their inode for life.
 */
export function socketKey(row: SocketRow): string {
  const { netns, protocol, local, remote } = row;
  // join() makes a text in one piece. A template leaves a chain of its pieces, which takes 270 bytes more, for as
  // long as nobody looks into it; and a key is kept for as long as its socket is there.
  const tuple = [netns, protocol, local.ip, local.port, remote.ip, remote.port];
  return (protocol === 'udp' || isListening(row.state) ? [...tuple, row.inode] : tuple).join('|');
}
