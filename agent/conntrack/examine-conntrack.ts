/** Whether the connection tracking of the agent's own namespace answers, for whoever wants to know. */
import { ConntrackExchange, ConntrackSocket } from '../netlink/conntrack-socket.ts';
import { type LoadDatagramCalls, loadDatagramCalls } from '../netlink/datagram-calls.ts';
import { readConntrackCount } from '../procfs/nf-conntrack-count.ts';

export type ConntrackReport =
  /** The kernel tracks nothing, so it translates nothing. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'works' }
  | { readonly kind: 'refused'; readonly problem: string };

export async function examineConntrack(
  procRoot: string,
  loadCalls: LoadDatagramCalls = loadDatagramCalls,
): Promise<ConntrackReport> {
  if (readConntrackCount(procRoot) === null) return { kind: 'absent' };
  try {
    const socket = ConntrackSocket.open(new ConntrackExchange(await loadCalls()));
    try {
      socket.count();
    } finally {
      socket.close();
    }
    return { kind: 'works' };
  } catch (error) {
    return { kind: 'refused', problem: (error as Error).message };
  }
}
