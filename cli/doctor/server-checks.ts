/** Whether the aggregator answers, and what it says of itself. Pure. */
import { HostPortError, isLoopbackHost, parseHostPort } from '../../wire/host-port.ts';
import { defaultGrpcAddress } from '../../wire/protocol.ts';
import { type Check, type Findings, lacking, ok } from './findings.ts';

export function serverChecks(findings: Findings, programName: string): Check[] {
  return [
    serverCheck(findings, programName),
    ...dataChecks(findings),
    ...busChecks(findings),
    insecureCheck(findings),
  ];
}

function serverCheck(findings: Findings, programName: string): Check {
  const { server, about, serverProblem } = findings;
  if (about !== null) return ok('server', `${server} answers, version ${about.version}`);
  const fix = serverFix(findings, programName);
  return lacking('server', serverProblem ?? 'no answer', 'every answer about the fleet', fix);
}

function serverFix({ server, serverRemedy, surroundings }: Findings, programName: string): string {
  if (serverRemedy !== null) return serverRemedy;
  if (!surroundings.isLoopbackUp && isLoopback(server))
    return 'ip link set lo up, since the loopback of this network namespace is down';
  if (server === defaultGrpcAddress) return `${programName} up, or name another with --server`;
  return 'start an aggregator there, or name another with --server';
}

function isLoopback(server: string): boolean {
  try {
    return isLoopbackHost(parseHostPort(server).host);
  } catch (error) {
    if (error instanceof HostPortError) return false;
    throw error;
  }
}

/** An aggregator of an earlier version does not say where it keeps what. */
function dataChecks({ about }: Findings): Check[] {
  if (about === null || about.data === null) return [];
  const { folder, state, error } = about.data;
  if (state === 'durable') return [ok('data', `kept in ${folder}`)];
  const lost = 'after a restart of the aggregator: what closed shortly before, and totals of edges';
  if (state === 'memory')
    return [lacking('data', 'kept in memory', lost, 'name a folder at the aggregator with --data DIR')];
  return [lacking('data', `the disk fails: ${error ?? 'no reason'}`, lost, 'make room, or see to the disk')];
}

/** Nothing to say of an aggregator that publishes nowhere. */
function busChecks({ about }: Findings): Check[] {
  if (about === null || about.bus.name === 'in-process') return [];
  const { name, state, error, published, lost } = about.bus;
  if (state === 'connected' && lost === 0) return [ok(name, `connected, ${published} events published`)];
  const detail =
    state === 'connected' ? `connected, ${lost} events lost` : `disconnected: ${error ?? 'no reason'}`;
  return [
    lacking(
      name,
      detail,
      `what others learn through ${name}; answers are whole`,
      'see the log of the aggregator',
    ),
  ];
}

function insecureCheck({ insecure, about }: Findings): Check {
  if (!insecure && about?.insecure !== true) return ok('insecure', 'not in use');
  const lost = 'confidentiality: whoever is on the way reads and forges';
  return lacking(
    'insecure',
    'in use: plaintext without authorisation',
    lost,
    'leave out --insecure, and use loopback',
  );
}
