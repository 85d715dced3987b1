/** Reads what doctor concludes from: this host's /proc, its C library, and the server. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { examineRungs, openCollector } from '../../agent/collect/ladder.ts';
import { examineEvents } from '../../agent/events/open-events.ts';
import { loadLibc } from '../../agent/libc.ts';
import { RouteSocket } from '../../agent/netlink/route-socket.ts';
import { parseEffectiveCapabilities } from '../../agent/procfs/pid-status.ts';
import { readPids } from '../../agent/procfs/pids.ts';
import { denied, isUnread, processPath, readFolder, readLink } from '../../agent/procfs/proc-file.ts';
import { askServer } from '../answer.ts';
import { CliFailure } from '../exit.ts';
import type { CommonSettings, Invocation } from '../invocation.ts';
import type { Findings } from './findings.ts';
import { parseHidepid } from './mounts.ts';

export async function examine(
  invocation: Invocation,
  settings: CommonSettings,
  procRoot: string,
): Promise<Findings> {
  const status = readText(`${procRoot}/self/status`);
  return {
    kernel: release(),
    uid: process.geteuid?.() ?? 0,
    effectiveCapabilities: status === '' ? null : parseEffectiveCapabilities(status),
    ...countClosedProcesses(procRoot),
    hidepid: parseHidepid(readText(`${procRoot}/self/mounts`), procRoot),
    ...(await examineScan(procRoot)),
    events: await examineEvents(procRoot),
    ...(await examineLibc()),
    server: settings.server,
    insecure: settings.insecure,
    ...(await examineServer(invocation, settings)),
  };
}

function countClosedProcesses(procRoot: string): Pick<Findings, 'processes' | 'closedProcesses'> {
  const pids = readPids(procRoot);
  if (isUnread(pids)) return { processes: 0, closedProcesses: 0 };
  const closed = pids.filter((pid) => isClosed(`${processPath(procRoot, pid)}/fd`));
  return { processes: pids.length, closedProcesses: closed.length };
}

/** Whether the folder, or the first link in it, may not be read. */
function isClosed(folder: string): boolean {
  const names = readFolder(folder);
  if (isUnread(names)) return names === denied;
  return names[0] !== undefined && readLink(`${folder}/${names[0]}`) === denied;
}

/** As an agent scans that is left to choose. The rungs that it passed over have lines of their own. */
async function examineScan(procRoot: string): Promise<Pick<Findings, 'scan' | 'scanProblem' | 'rungs'>> {
  const options = { procRoot, cmdline: 'none' } as const;
  try {
    const rungs = await examineRungs(options);
    const best = rungs.find(({ problem }) => problem === null);
    const collector = await openCollector(best?.name ?? 'auto', options);
    const { sockets, scannedNetns, cannotSee } = await collector.scan();
    collector.close();
    const { name } = collector;
    const scan = { collector: name, sockets: sockets.length, namespaces: scannedNetns.size, cannotSee };
    return { rungs, scan, scanProblem: null };
  } catch (error) {
    return { rungs: [], scan: null, scanProblem: messageOf(error) };
  }
}

async function examineLibc(): Promise<Pick<Findings, 'koffiProblem' | 'rtnetlinkProblem'>> {
  try {
    const libc = await loadLibc();
    return { koffiProblem: null, rtnetlinkProblem: problemOf(() => RouteSocket.open(libc).close()) };
  } catch (error) {
    return { koffiProblem: messageOf(error), rtnetlinkProblem: 'not reachable without koffi' };
  }
}

async function examineServer(
  invocation: Invocation,
  settings: CommonSettings,
): Promise<Pick<Findings, 'about' | 'serverProblem'>> {
  try {
    const about = await askServer(invocation, settings, 'about', { q: '' });
    return { about, serverProblem: null };
  } catch (error) {
    if (error instanceof CliFailure) return { about: null, serverProblem: error.message };
    throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function problemOf(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
