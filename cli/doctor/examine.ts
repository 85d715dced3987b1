/** Reads what doctor concludes from: this host's /proc, its C library, and the server. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { readKernelBtf } from '../../agent/bpf/btf.ts';
import { examineRungs, openCollector } from '../../agent/collect/ladder.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { examineConntrack } from '../../agent/conntrack/examine-conntrack.ts';
import { errorLine } from '../../agent/error-line.ts';
import { examineEvents } from '../../agent/events/open-events.ts';
import { loadLibc } from '../../agent/libc.ts';
import { RouteSocket } from '../../agent/netlink/route-socket.ts';
import { readPidStat } from '../../agent/procfs/pid-stat.ts';
import { parseEffectiveCapabilities } from '../../agent/procfs/pid-status.ts';
import { readPids } from '../../agent/procfs/pids.ts';
import { denied, isUnread, processPath, readFolder, readLink } from '../../agent/procfs/proc-file.ts';
import { askServer } from '../answer.ts';
import { CliFailure, exitCodes } from '../exit.ts';
import type { CommonSettings, Invocation } from '../invocation.ts';
import type { Findings } from './findings.ts';
import { parseHidepid } from './mounts.ts';
import { readSurroundings } from './surroundings.ts';

/** How long an aggregator may take to say who it is. */
const serverPatienceMs = 5_000;

/** Scans after the first, of which the cheapest is told: code is compiled while it runs, and others use the machine too. */
const warmScans = 3;

/** From what duration on one scan has to do. */
const longScanMs = 500;

export async function examine(
  invocation: Invocation,
  settings: CommonSettings,
  procRoot: string,
): Promise<Findings> {
  const status = readText(`${procRoot}/self/status`);
  return {
    kernel: release(),
    btfProblem: problemOf(() => readKernelBtf()),
    uid: process.geteuid?.() ?? 0,
    effectiveCapabilities: status === '' ? null : parseEffectiveCapabilities(status),
    ...countClosedProcesses(procRoot),
    hidepid: parseHidepid(readText(`${procRoot}/self/mounts`), procRoot),
    surroundings: readSurroundings(procRoot),
    ...(await examineScan(procRoot)),
    events: await examineEvents(procRoot),
    ...(await examineLibc()),
    conntrack: await examineConntrack(procRoot),
    server: settings.server,
    insecure: settings.insecure,
    ...(await examineServer(invocation, settings)),
  };
}

function countClosedProcesses(procRoot: string): Pick<Findings, 'processes' | 'closedProcesses'> {
  const pids = readPids(procRoot);
  if (isUnread(pids)) return { processes: 0, closedProcesses: 0 };
  const paths = pids.map((pid) => processPath(procRoot, pid)).filter(mayHoldFiles);
  const closed = paths.filter((path) => isClosed(`${path}/fd`));
  return { processes: paths.length, closedProcesses: closed.length };
}

/** Threads of the kernel hold none, and who is gone holds none any more. */
function mayHoldFiles(path: string): boolean {
  const stat = readPidStat(path);
  return stat === denied || (!isUnread(stat) && !stat.isKernelThread);
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
    const startedMs = performance.now();
    const first = await collector.scan();
    const isLong = performance.now() - startedMs > longScanMs;
    const { last, costMs } = await measureScans(collector, first, isLong ? 1 : warmScans);
    collector.close();
    const { sockets, scannedNetns, cannotSee } = last;
    const { name } = collector;
    const counts = { sockets: sockets.length, namespaces: scannedNetns.size };
    return { rungs, scan: { collector: name, ...counts, cannotSee, costMs }, scanProblem: null };
  } catch (error) {
    return { rungs: [], scan: null, scanProblem: errorLine(error) };
  }
}

async function measureScans(
  collector: Collector,
  first: Scan,
  scans: number,
): Promise<{ last: Scan; costMs: number }> {
  let last = first;
  let costMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scans; i++) {
    const before = process.cpuUsage();
    last = await collector.scan();
    const { user, system } = process.cpuUsage(before);
    costMs = Math.min(costMs, (user + system) / 1000);
  }
  return { last, costMs };
}

async function examineLibc(): Promise<Pick<Findings, 'koffiProblem' | 'rtnetlinkProblem'>> {
  try {
    const libc = await loadLibc();
    return { koffiProblem: null, rtnetlinkProblem: problemOf(() => RouteSocket.open(libc).close()) };
  } catch (error) {
    return { koffiProblem: errorLine(error), rtnetlinkProblem: 'not reachable without koffi' };
  }
}

async function examineServer(
  invocation: Invocation,
  settings: CommonSettings,
): Promise<Pick<Findings, 'about' | 'serverProblem' | 'serverRemedy'>> {
  try {
    const about = await askServer(invocation, settings, 'about', { q: '' }, serverPatienceMs);
    return { about, serverProblem: null, serverRemedy: null };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    // What to do about it stands behind, and in a line of its own here.
    const [problem, remedy] = error.message.split('; ', 2) as [string, string?];
    const isThere = error.exitCode === exitCodes.error;
    return { about: null, serverProblem: problem, serverRemedy: isThere ? (remedy ?? null) : null };
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
    return errorLine(error);
  }
}
