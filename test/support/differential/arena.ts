/** A namespace with a process whose sockets never rest: where collectors are compared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const churnProgram = fileURLToPath(new URL('../programs/churn.mjs', import.meta.url));

/** Loopback, with two paths where there is MPTCP. */
const setUp =
  'ip link set lo up && ip address add 10.77.0.1/32 dev lo && ip address add 10.77.0.2/32 dev lo && ' +
  '{ ip mptcp limits set subflow 2 add_addr_accepted 2; ip mptcp endpoint add 10.77.0.2 subflow; } 2>/dev/null';

export interface Arena {
  /** Inode of the network namespace. */
  readonly netns: number;
  /** Of the process that churns, by the /proc of whoever opened it. */
  readonly pid: number;
  close(): void;
}

/** Ready when the sockets that stay are there. @param seed equal seeds churn alike */
export async function openArena(seed: number): Promise<Arena> {
  const enter = ['-n', 'sh', '-c', `${setUp}; exec "$0" "$@"`];
  const child: ChildProcess = spawn('unshare', [...enter, process.execPath, churnProgram, String(seed)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [netns] = (await once(child.stdout!, 'data')) as [Buffer];
  return {
    netns: Number(netns.toString()),
    pid: child.pid!,
    close: () => void child.kill('SIGKILL'),
  };
}
