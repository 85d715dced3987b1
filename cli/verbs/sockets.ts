/** `whotalks sockets [FILTER]`: this host's sockets with their owners, without an aggregator. */
import { hostname } from 'node:os';
import { oneLookRungs } from '../../agent/collect/rungs.ts';
import { collectorSources } from '../../agent/collect/source.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { InvalidRequest } from '../../aggregator/serve/request.ts';
import { type SortFields, sortRows } from '../../aggregator/serve/sort.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { parseFilter } from '../../query/parser.ts';
import type { Filter } from '../../query/syntax.ts';
import { detailColumns, socketColumns } from '../columns/sockets.ts';
import { type ExitCode, exitCodes, usageFailure } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { listFormats } from '../format/output-format.ts';
import { openHostCollector } from '../host-collector.ts';
import {
  type CommonSettings,
  commonSettingsOf,
  type Invocation,
  requireFormat,
  sourcesOf,
} from '../invocation.ts';
import { note } from '../io.ts';
import { formatListing } from '../print.ts';
import { requireProcfs } from '../require-procfs.ts';
import { choiceSetting, countSetting, resolveSettings, textSetting } from '../settings.ts';
import { findSocketOfFd, requireProcess, socketSentence } from '../socket-of-fd.ts';
import { inodeOf, serviceOf, socketSubject, socketsDocument } from '../sockets-document.ts';

/** No process and no file descriptor has this number. */
const noNumber = -1;

const socketsSettings = {
  procfs: textSetting('/proc'),
  source: choiceSetting(collectorSources, 'auto'),
  pid: countSetting(noNumber),
  fd: countSetting(noNumber),
} as const;

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const { procfs, source, pid, fd } = resolveSettings(socketsSettings, sourcesOf(invocation, {}));
  const filter = checked('filter', () => parseFilter(operand));
  requireFormat(settings.output, listFormats);
  if (fd !== noNumber && pid === noNumber)
    throw usageFailure('--fd needs --pid: whose file descriptor is it?');
  requireProcfs(procfs);
  const options = { procRoot: procfs, cmdline: 'none', kubelet: null } as const;
  if (fd !== noNumber) {
    // One process alone is cheapest to ask through its own folder.
    const { createProcfsCollector } = await import('../../agent/collect/procfs-collector.ts');
    const found = await closing(createProcfsCollector(options), (collector) =>
      findSocketOfFd(collector, procfs, pid, fd),
    );
    return showSocketOfFd(invocation, settings, found);
  }
  if (pid !== noNumber) requireProcess(procfs, pid);
  const rungs = oneLookRungs(needsDetails(settings, filter));
  const collector = await openHostCollector(source, options, rungs);
  const scan = await closing(collector, () => collector.scan());
  const found = selectSockets(scan, filter, pid === noNumber ? null : pid);
  for (const sentence of scan.cannotSee) note(io, `cannot see: ${sentence}`);
  return showSockets(invocation, settings, found);
}

/** What `use` brings, with the collector closed after it. */
async function closing<C extends Collector, T>(collector: C, use: (collector: C) => Promise<T>): Promise<T> {
  try {
    return await use(collector);
  } finally {
    collector.close();
  }
}

/** Whether the answer tells more of processes than their pids and names, or asks more of them, or of addresses. */
function needsDetails({ output, columns, sort }: CommonSettings, filter: Filter): boolean {
  if (filter.kind !== 'all' || sort !== '') return true;
  if (columns.length > 0) return columns.some((column) => detailColumns.has(column));
  return output !== 'table';
}

function selectSockets(scan: Scan, filter: Filter, pid: number | null): readonly OwnedSocket[] {
  const owned =
    pid === null
      ? scan.sockets
      : scan.sockets.filter(({ owners }) => owners.some(({ process }) => process.pid === pid));
  if (filter.kind === 'all') return owned;
  const host = hostname();
  return owned.filter((socket) => filterMatches(filter, socketSubject(socket, scan, host)));
}

function showSockets(
  invocation: Invocation,
  settings: CommonSettings,
  found: readonly OwnedSocket[],
): ExitCode {
  const sorted = sorting(() => sortRows(found, settings.sort, socketSortFields));
  const rows = settings.limit === 0 ? sorted : sorted.slice(0, settings.limit);
  invocation.io.stdout.write(formatSockets(invocation, settings, rows));
  if (rows.length === 0) note(invocation.io, 'no socket matches');
  return exitCodes.ok;
}

function formatSockets({ io }: Invocation, settings: CommonSettings, rows: readonly OwnedSocket[]): string {
  const format = requireFormat(settings.output, listFormats);
  const nowMs = Date.now();
  if (format === 'json' || format === 'ndjson') {
    const document = socketsDocument(rows, nowMs);
    return formatListing(io, settings, format, { document, rows: document.sockets, columns: [] });
  }
  const document = { asOf: new Date(nowMs).toISOString() };
  return formatListing(io, settings, format, { document, rows, columns: socketColumns() });
}

function showSocketOfFd(
  invocation: Invocation,
  settings: CommonSettings,
  { socket, fd }: { readonly socket: OwnedSocket; readonly fd: number },
): ExitCode {
  const { stdout } = invocation.io;
  if (settings.output === 'table' || settings.output === 'wide')
    stdout.write(`${socketSentence(socket, fd)}\n\n`);
  stdout.write(formatSockets(invocation, settings, [socket]));
  return exitCodes.ok;
}

const socketSortFields: SortFields<OwnedSocket> = {
  protocol: (row) => row.protocol,
  state: (row) => row.state,
  'local.ip': (row) => row.local.ip,
  'local.port': (row) => row.local.port,
  'remote.ip': (row) => row.remote.ip,
  'remote.port': (row) => row.remote.port,
  process: (row) => row.owners[0]?.process.comm ?? null,
  pid: (row) => row.owners[0]?.process.pid ?? null,
  service: serviceOf,
  uid: (row) => row.uid,
  inode: inodeOf,
};

function sorting<T>(sort: () => T): T {
  try {
    return sort();
  } catch (error) {
    if (error instanceof InvalidRequest) throw usageFailure(`--sort: ${error.message}`);
    throw error;
  }
}
