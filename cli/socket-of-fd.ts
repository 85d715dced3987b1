/** The one connection behind a file descriptor of a process, or in one line why there is none. */
import type { ProcfsCollector } from '../agent/collect/procfs-collector.ts';
import {
  denied,
  isUnread,
  processPath,
  readFolder,
  readLink,
  type Unread,
} from '../agent/procfs/proc-file.ts';
import { formatEndpoint } from '../model/endpoint.ts';
import type { OwnedSocket } from '../model/socket.ts';
import { isListening } from '../model/socket-state.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { plainText } from './format/plain-text.ts';

/** Throws a CliFailure when there is no such process, fd or TCP or UDP socket. */
export async function findSocketOfFd(
  collector: ProcfsCollector,
  procRoot: string,
  pid: number,
  fd: number,
): Promise<{ readonly socket: OwnedSocket; readonly fd: number }> {
  const path = processPath(procRoot, pid);
  const link = readLink(`${path}/fd/${fd}`);
  if (isUnread(link)) throw unreadFailure(link, isUnread(readFolder(path)), pid, fd);
  const inode = Number(/^socket:\[([0-9]+)\]$/.exec(link)?.[1] ?? 0);
  if (inode === 0) throw failure(`fd ${fd} of process ${pid} is no socket: it is ${plainText(link)}`);
  const scan = await collector.scanProcess(pid);
  if (isUnread(scan)) throw unreadFailure(scan, true, pid, fd);
  const socket = scan.sockets.find((candidate) => candidate.inode === inode);
  if (socket === undefined) {
    throw failure(
      `fd ${fd} of process ${pid} is socket ${inode}, which is neither connected nor bound TCP or UDP; "ss -xp" shows the other kinds`,
    );
  }
  return { socket, fd };
}

/** Throws a CliFailure when there is no such process, or when its files are closed to this user. */
export function requireProcess(procRoot: string, pid: number): void {
  const folder = readFolder(`${processPath(procRoot, pid)}/fd`);
  if (isUnread(folder)) throw unreadFailure(folder, true, pid, 0);
}

function unreadFailure(reason: Unread, isProcessGone: boolean, pid: number, fd: number): CliFailure {
  if (reason === denied) {
    const isRoot = process.geteuid?.() === 0;
    return failure(
      `may not look into process ${pid}: ${isRoot ? 'here it is closed even to root; "whotalks doctor" says more' : 'it belongs to another user; run as root'}`,
    );
  }
  if (isProcessGone) return failure(`there is no process ${pid}; "ps -e" lists those there are`);
  return failure(
    `process ${pid} has no file descriptor ${fd}; "whotalks sockets --pid ${pid}" lists its sockets`,
  );
}

function failure(message: string): CliFailure {
  return new CliFailure(exitCodes.error, message);
}

/** `fd 101 of index_search[25465] is tcp 10.1.17.138:8653 to 10.1.100.9:8743, established.` */
export function socketSentence(socket: OwnedSocket, fd: number): string {
  const owner = socket.owners[0]?.process;
  const holder = owner === undefined ? 'an unknown process' : `${plainText(owner.comm)}[${owner.pid}]`;
  const { protocol, state, local, remote } = socket;
  const where = isListening(state)
    ? `listening on ${formatEndpoint(local)}`
    : `${formatEndpoint(local)} to ${formatEndpoint(remote)}, ${state}`;
  return `fd ${fd} of ${holder} is ${protocol} ${where}.`;
}
