/** `whotalks up`: aggregator and agent of this host in one process, joined by real gRPC on loopback. */
import type { Collector, Scan } from '../../agent/collector.ts';
import type { AgentConfig } from '../../agent/config.ts';
import { TurnCpu } from '../../agent/cpu-meter.ts';
import { runAgent } from '../../agent/run.ts';
import type { Aggregator } from '../../aggregator/run.ts';
import { isUnspecified, parseIp } from '../../model/ip.ts';
import { packageVersion } from '../../model/version.ts';
import { formatHostPort, parseHostPort } from '../../wire/host-port.ts';
import { defaultGrpcAddress } from '../../wire/protocol.ts';
import { type AggregatorSettings, agentConfigOf, aggregatorSettingsOf } from '../daemon-settings.ts';
import { addressLines, serverFlag, startEmbedded } from '../embedded.ts';
import { type ExitCode, endOfDaemon } from '../exit.ts';
import { plainText } from '../format/plain-text.ts';
import { wrapText } from '../format/wrap.ts';
import { openHostCollector } from '../host-collector.ts';
import { openHostEvents } from '../host-events.ts';
import { type Invocation, warnIfExposed } from '../invocation.ts';
import type { CliIo } from '../io.ts';
import { agentFolder } from '../kept-places.ts';
import { createPersonLog } from '../log.ts';
import { tableWidth } from '../print.ts';
import { requireProcfs } from '../require-procfs.ts';
import { tlsOfThisMachine } from '../same-machine.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io } = invocation;
  const settings = aggregatorSettingsOf(invocation);
  const agentConfig = agentConfigOf(invocation);
  requireProcfs(agentConfig.procRoot);
  const log = createPersonLog(io);
  const events = await openHostEvents(agentConfig);
  const aggregator = await startEmbedded(io, settings, log);
  warnIfExposed(io, '--listen', aggregator.grpcAddress, settings.config.insecure);
  warnIfExposed(io, '--http', aggregator.httpAddress, settings.config.insecure);
  try {
    // After the aggregator listens: what the collector was tried with is the first scan, and has these sockets too.
    const opened = await openHostCollector(agentConfig.source, agentConfig);
    const collector = tellingFirstScan(opened, (scan) => {
      const cannotSee = [...scan.cannotSee, ...events.cannotSee];
      io.stdout.write(welcome(io, aggregator, { ...scan, cannotSee }));
    });
    const config = { ...agentConfig, ...(await wayTo(aggregator, settings, io)) };
    await runAgent(config, { collector, events, log, signal: io.signal, cpu: new TurnCpu() });
  } finally {
    await aggregator.close();
  }
  return endOfDaemon(io.signal);
}

/** How the agent of this process reaches the aggregator of this process. */
async function wayTo(
  { grpcAddress, isTls }: Aggregator,
  { config: { security } }: AggregatorSettings,
  io: CliIo,
): Promise<Pick<AgentConfig, 'server' | 'tls'>> {
  const { host, port } = parseHostPort(grpcAddress);
  const ip = parseIp(host);
  const isEverywhere = ip !== null && isUnspecified(ip);
  const here = isEverywhere ? (ip.includes(':') ? '::1' : '127.0.0.1') : host;
  const tls = isTls && security !== null ? await tlsOfThisMachine(security, agentFolder(null, io.env)) : null;
  return {
    server: formatHostPort({ host: here, port }),
    tls: tls === null ? null : { ...tls, isOnlyIfWanted: false },
  };
}

/** The collector, which shows its first scan to somebody else too. */
function tellingFirstScan(collector: Collector, tell: (scan: Scan) => void): Collector {
  let isTold = false;
  return {
    get name() {
      return collector.name;
    },
    get tables() {
      return collector.tables ?? [];
    },
    close: () => collector.close(),
    scan: async () => {
      const scan = await collector.scan();
      if (!isTold) tell(scan);
      isTold = true;
      return scan;
    },
  };
}

function welcome(io: CliIo, aggregator: Aggregator, scan: Scan): string {
  const { grpcAddress } = aggregator;
  const flag = serverFlag(aggregator, defaultGrpcAddress);
  const blindSpots = scan.cannotSee.map(
    (sentence) => `  ${wrapText(`cannot see: ${plainText(sentence)}`, tableWidth(io), 4)}\n`,
  );
  return [
    `whotalks ${packageVersion} is up: aggregator and agent of this host, in one process\n\n`,
    addressLines(aggregator),
    `\n  sees ${sightText(scan)}\n`,
    ...blindSpots,
    `\n  try: ${io.programName} to ${grpcAddress}${flag}\n`,
    '  Ctrl-C ends it\n',
  ].join('');
}

function sightText(scan: Scan): string {
  const processes = new Set(scan.sockets.flatMap(({ owners }) => owners.map(({ process }) => process.pid)));
  return [
    `${count(scan.sockets.length, 'socket')} of ${count(processes.size, 'process', 'processes')}`,
    `in ${count(scan.scannedNetns.size, 'network namespace')}`,
  ].join(' ');
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
