/** The same by `ss -tunpea` of iproute2, which reads sock_diag and /proc/PID/fd with code of its own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Endpoint } from '../../../model/endpoint.ts';
import { type IpAddress, parseIp } from '../../../model/ip.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';
import type { Arena } from './arena.ts';
import { ownersText, type Snapshot, socketText } from './snapshot.ts';

const run = promisify(execFile);

/** Where ss has words of its own; the others are ours in capitals. */
const stateWords: Readonly<Record<string, SocketState>> = { ESTAB: 'established', UNCONN: 'unconnected' };

const outputBytesMax = 64 << 20;

/** Throws when ss fails, or prints a line that is none. */
export async function takeSsSnapshot({ pid, netns }: Arena): Promise<Snapshot> {
  const argv = ['--target', String(pid), '--net', '--', 'ss', '-tunpeaH'];
  const { stdout } = await run('nsenter', argv, { encoding: 'utf8', maxBuffer: outputBytesMax });
  return parseSs(stdout, netns);
}

/** Throws Error for a line that is no socket of ss. */
export function parseSs(text: string, netns: number): Snapshot {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseLine(line, netns)),
  );
}

/** `tcp ESTAB 0 0 127.0.0.1:80 127.0.0.1:5000 users:(("node",pid=7,fd=9)) uid:5 ino:8 sk:1 cgroup:/ <->` */
function parseLine(line: string, netns: number): [socket: string, owners: string] {
  const [protocol, state, , , local, remote] = line.split(/\s+/);
  const owners = new Map<number, { pid: number; comm: string; fds: number[] }>();
  for (const [, comm, pid, fd] of line.matchAll(/"([^"]*)",pid=(\d+),fd=(\d+)/g)) {
    const owner = owners.get(Number(pid)) ?? { pid: Number(pid), comm: comm!, fds: [] };
    owner.fds.push(Number(fd));
    owners.set(owner.pid, owner);
  }
  const row = {
    netns,
    protocol: protocol as Protocol,
    state: stateWords[state!] ?? (state!.toLowerCase() as SocketState),
    local: parseEnd(local!),
    remote: parseEnd(remote!),
    // What is left out is 0.
    inode: Number(/ ino:(\d+)/.exec(line)?.[1] ?? 0),
    uid: Number(/ uid:(\d+)/.exec(line)?.[1] ?? 0),
  };
  return [socketText(row), ownersText([...owners.values()])];
}

/** `127.0.0.1%lo:53`, `[::1]:80`, `*:*`: a star is the address of a socket for both families, or no port. */
function parseEnd(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  const address = text
    .slice(0, colon)
    .replace(/%.*$/, '')
    .replace(/^\[|\]$/g, '');
  const port = text.slice(colon + 1);
  return { ip: address === '*' ? '::' : parsed(address, text), port: port === '*' ? 0 : Number(port) };
}

function parsed(address: string, text: string): IpAddress {
  const ip = parseIp(address);
  if (ip === null) throw new Error(`ss: no address in ${text}`);
  return ip;
}
