/** The aggregator process: its table of contents. What each part does stands in its own folder. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { packageVersion } from '../model/version.ts';
import { parseHostPort } from '../wire/host-port.ts';
import { shutDownGrpc } from './bind.ts';
import { type Bus, publishFleet } from './cluster/bus.ts';
import { createInProcessBus } from './cluster/in-process.ts';
import { NatsBus } from './cluster/nats.ts';
import type { AggregatorConfig } from './config.ts';
import { builtPageFolder, type Core, createDoors } from './doors.ts';
import { Entrance } from './entrance.ts';
import { Naming } from './graph/naming.ts';
import { createIngest } from './ingest/ingest.ts';
import type { StreamAdmission } from './ingest/service.ts';
import { openKept, startKeeping } from './journal/keeping.ts';
import { LiveView } from './live-view.ts';
import { LoopDelay } from './loop-delay.ts';
import { AuditFile } from './security/audit-file.ts';
import { AuditTrail } from './security/audit-trail.ts';
import { DisputeWatch } from './security/dispute-watch.ts';
import { seesAll } from './security/sight.ts';
import { connectionDocument, edgeDocument } from './serve/documents.ts';

/** How often grace times, lingering and leases are looked after. */
const sweepIntervalMs = 500;

export interface Aggregator {
  /** As bound: with the port that the system chose for port 0. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly isTls: boolean;
  readonly view: LiveView;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Unix milliseconds. */
const clock = Date.now;

/** Throws HostPortError, ExposureError, AuthorityError, BindError and DataFolderError. */
export async function startAggregator(
  config: AggregatorConfig,
  { log }: { log: Logger },
): Promise<Aggregator> {
  const audit = createAudit(config, log);
  const entrance = await Entrance.open(config, log, audit.tell);
  const guards = entrance.guards(config);
  const folder = await openKept(config.data, { log: log.child({ part: 'journal' }) });
  const sinceMs = folder?.checkpoint?.sinceMs ?? clock();
  const core = createCore(config, log, sinceMs, entrance.admission(guards));
  const { view, ingest, bus } = core;
  const keepingLog = { log: log.child({ part: 'journal' }) };
  const kept = folder === null ? null : await startKeeping(folder, core, keepingLog);
  const disputes = new DisputeWatch(view.correlator.claims.disputes, audit.tell);
  const addresses = { grpcAddress: config.listen, httpAddress: config.http };
  const doors = await createDoors(core, {
    log,
    kept,
    guards,
    audit,
    pageFolder: builtPageFolder(),
    httpTls: entrance.context,
    enrolment: entrance.security?.enrolment ?? null,
    about: () => ({ ...addresses, sinceMs: view.sinceMs, insecure: config.insecure, bus, kept }),
  });

  const stopPublishing = publishFleet(view, bus, {
    connection: (connection) => connectionDocument(connection, seesAll),
    edge: edgeDocument,
  });
  const sweeping = setInterval(() => {
    const nowMs = clock();
    entrance.security?.sweep();
    for (const part of [ingest, view.correlator, guards.gate, audit]) part.sweep(nowMs);
    disputes.sweep(performance.now());
  }, sweepIntervalMs);
  const close = once(async () => {
    doors.setOpen(false);
    clearInterval(sweeping);
    core.loopDelay.close();
    stopPublishing();
    ingest.close();
    entrance.close();
    await Promise.all([shutDownGrpc(doors.grpcServer), doors.httpServer.close(), bus.close(), kept?.close()]);
    await view.sieveThread?.close();
    await audit.close();
  });

  try {
    addresses.grpcAddress = await entrance.bindGrpc(doors.grpcServer, parseHostPort(config.listen));
    addresses.httpAddress = await entrance.bindHttp(doors.httpServer, parseHostPort(config.http));
  } catch (error) {
    await close();
    throw error;
  }
  doors.setOpen(true);
  const isTls = entrance.security !== null;
  log.info({ grpc: addresses.grpcAddress, http: addresses.httpAddress, tls: isTls }, 'aggregator listens');
  return { ...addresses, isTls, view, close };
}

/** It goes on in the folder that is kept, or to the log alone. */
function createAudit({ data }: AggregatorConfig, log: Logger): AuditTrail {
  const file = data === null ? null : new AuditFile(join(data.folder, 'security'));
  return new AuditTrail({ log: log.child({ part: 'security' }), file, clock });
}

/** @param sinceMs since when the fleet is watched, in earlier runs too */
function createCore(
  config: AggregatorConfig,
  log: Logger,
  sinceMs: number,
  admission: StreamAdmission,
): Core {
  const view: LiveView = new LiveView({
    naming: new Naming(config.services, config.names),
    limits: config.limits,
    sinceMs,
    startedMs: clock(),
    clock,
    hosts: () => ingest.hosts(),
    sieve: {
      onFailure: (error) =>
        log.warn({ err: error }, 'the thread that helps with questions ended; they go on without it'),
    },
  });
  const ingest = createIngest({
    reports: view.reports,
    clock,
    log: log.child({ part: 'ingest' }),
    serverId: randomUUID(),
    version: packageVersion,
    admission,
  });
  return { view, ingest, bus: createBus(config, log), loopDelay: new LoopDelay() };
}

function createBus(config: AggregatorConfig, log: Logger): Bus {
  if (config.natsUrls.length === 0) return createInProcessBus();
  const busLog = log.child({ part: 'nats' });
  return new NatsBus({
    servers: config.natsUrls,
    log: { info: (line) => busLog.info(line), warn: (line) => busLog.warn(line) },
  });
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}
