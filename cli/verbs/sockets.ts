/** `whotalks sockets [FILTER]`: this host's sockets with their owners, without an aggregator. */
import { hostname } from 'node:os';
import { createProcfsCollector } from '../../agent/collect/procfs-collector.ts';
import { collectorSources } from '../../agent/collect/source.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { InvalidRequest } from '../../aggregator/serve/request.ts';
import { type SortFields, sortRows } from '../../aggregator/serve/sort.ts';
import type { SocketDocument } from '../../model/document.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { parseFilter } from '../../query/parser.ts';
import type { Filter } from '../../query/syntax.ts';
import { socketColumns } from '../columns/sockets.ts';
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
import { socketSubject, socketsDocument } from '../sockets-document.ts';

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
    const found = await closing(createProcfsCollector(options), (collector) =>
      findSocketOfFd(collector, procfs, pid, fd),
    );
    return showSocketOfFd(invocation, settings, found);
  }
  if (pid !== noNumber) requireProcess(procfs, pid);
  const scan = await closing(await openHostCollector(source, options), (collector) => collector.scan());
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

function selectSockets(scan: Scan, filter: Filter, pid: number | null): readonly OwnedSocket[] {
  const owned =
    pid === null
      ? scan.sockets
      : scan.sockets.filter(({ owners }) => owners.some(({ process }) => process.pid === pid));
  if (filter.kind === 'all') return owned;
  const host = hostname();
  return owned.filter((socket) => filterMatches(filter, socketSubject(socket, scan, host)));
}

function showSockets({ io }: Invocation, settings: CommonSettings, found: readonly OwnedSocket[]): ExitCode {
  const format = requireFormat(settings.output, listFormats);
  const document = socketsDocument(found, Date.now());
  const sorted = sorting(() => sortRows(document.sockets, settings.sort, socketSortFields));
  const rows = settings.limit === 0 ? sorted : sorted.slice(0, settings.limit);
  const shown = { ...document, sockets: rows };
  io.stdout.write(formatListing(io, settings, format, { document: shown, rows, columns: socketColumns() }));
  if (rows.length === 0) note(io, 'no socket matches');
  return exitCodes.ok;
}

async function showSocketOfFd(
  { io }: Invocation,
  settings: CommonSettings,
  found: { readonly socket: OwnedSocket; readonly fd: number },
): Promise<ExitCode> {
  const format = requireFormat(settings.output, listFormats);
  const document = socketsDocument([found.socket], Date.now());
  const rows = document.sockets;
  if (format === 'table' || format === 'wide')
    io.stdout.write(`${socketSentence(found.socket, found.fd)}\n\n`);
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns: socketColumns() }));
  return exitCodes.ok;
}

const socketSortFields: SortFields<SocketDocument> = {
  protocol: (row) => row.protocol,
  state: (row) => row.state,
  'local.ip': (row) => row.local.ip,
  'local.port': (row) => row.local.port,
  'remote.ip': (row) => row.remote.ip,
  'remote.port': (row) => row.remote.port,
  process: (row) => row.owners[0]?.process ?? null,
  pid: (row) => row.owners[0]?.pid ?? null,
  service: (row) => row.service,
  uid: (row) => row.uid,
  inode: (row) => row.inode,
};

function sorting<T>(sort: () => T): T {
  try {
    return sort();
  } catch (error) {
    if (error instanceof InvalidRequest) throw usageFailure(`--sort: ${error.message}`);
    throw error;
  }
}
