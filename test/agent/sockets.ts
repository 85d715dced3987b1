/** Builds processes, socket rows and scans by hand, with defaults for what a test does not care about. */

import type { Scan } from '../../agent/collector.ts';
import { noContainer } from '../../model/container.ts';
import { defaultEphemeralPorts } from '../../model/netns.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';

export const hostNetns = 4026531840;

export function process(shape: Partial<Process> = {}): Process {
  const pid = shape.pid ?? 100;
  return {
    pid,
    startTicks: pid * 10,
    comm: 'index_search',
    exe: '/srv/index_search',
    cmdline: './index_search',
    program: 'index_search',
    uid: 0,
    user: 'root',
    ...noContainer,
    unit: null,
    ...shape,
  };
}

export function owner(pid: number, ...fds: number[]): Owner {
  return { process: process({ pid }), fds };
}

/** The connection of the founding example, unless told otherwise. */
export function row(shape: Partial<OwnedSocket> = {}): OwnedSocket {
  return {
    protocol: 'tcp',
    state: 'established',
    local: { ip: '10.1.17.138', port: 8653 },
    remote: { ip: '10.1.100.9', port: 8743 },
    inode: 7,
    uid: 0,
    netns: hostNetns,
    owners: [],
    ...shape,
  };
}

/** A complete scan of `namespaces` that took 10 ms. @param scanned those whose tables were read */
export function scan(
  startedAtMs: number,
  sockets: readonly OwnedSocket[],
  namespaces: readonly number[] = [hostNetns],
  scanned: readonly number[] = namespaces,
): Scan {
  return {
    startedAtMs,
    finishedAtMs: startedAtMs + 10,
    sockets,
    netns: namespaces.map((inode) => ({
      inode,
      isHost: inode === hostNetns,
      addresses: [],
      localNetworks: [],
      ephemeralPorts: defaultEphemeralPorts,
    })),
    scannedNetns: new Set(scanned),
    malformed: [],
    malformedTotal: 0,
    cannotSee: [],
  };
}
